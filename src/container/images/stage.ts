/**
 * @module A stage: the directory in which an image is made before it is ours. It is an OCI layout of its own on the
 * store's file system, so that all of it moves into the store by renames, or goes away as a whole.
 */

import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, linkSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { PontoonError } from '../../errors.ts';
import { runProgram } from '../programs.ts';
import { parseConfig } from './config.ts';
import { badImage, type Descriptor, hexOf, type Manifest, MEDIA_TYPES, OCI_LAYOUT, REF_NAME, sha256 } from './oci.ts';

/** A layer's descriptor in our manifests says how large its tar is when it is not compressed. */
export const TAR_BYTES = 'pontoon.tar-bytes';

export interface Blob {
  readonly digest: string;
  readonly size: number;
}

/** A whole image in a stage, checked and unpacked. */
export interface StagedImage {
  /** 'sha256:…' of the configuration. */
  readonly id: string;
  readonly manifest: Blob;
  /** All blobs of the image: manifest, configuration and layers. */
  readonly digests: readonly string[];
  /** The unpacked root; undefined for an image without layers. */
  readonly root: string | undefined;
}

export class Stage implements AsyncDisposable {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
    mkdirSync(join(path, 'blobs/sha256'), { recursive: true, mode: 0o700 });
    writeFileSync(join(path, 'oci-layout'), OCI_LAYOUT);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }

  blobPath(digest: string): string {
    return join(this.path, 'blobs/sha256', hexOf(digest));
  }

  addBytes(data: Buffer | string): Blob {
    const digest = sha256(data);
    writeFileSync(this.blobPath(digest), data);
    return { digest, size: Buffer.byteLength(data) };
  }

  /** Writes a stream to the stage; its name is what its content turns out to be. The source gives Buffers. */
  async addStream(source: AsyncIterable<unknown>): Promise<Blob> {
    const path = join(this.path, 'incoming');
    const meter = new Meter();
    await pipeline(Readable.from(source), meter.through, createWriteStream(path));
    await rename(path, this.blobPath(meter.digest));
    return { digest: meter.digest, size: meter.bytes };
  }

  /** Takes a blob that the store has: another name for the same file. */
  addLink(path: string, digest: string): void {
    linkSync(path, this.blobPath(digest));
  }

  readBlob(digest: string): Buffer {
    return readFileSync(this.blobPath(digest));
  }

  /**
   * Checks that the layers are what the configuration says and unpacks them, unless `unpacked` already. Both the
   * configuration and the layers must be in the stage.
   * @throws PontoonError bad-image, disk-full, program-missing
   */
  async assemble(
    config: Blob,
    layers: readonly string[],
    options: {
      unpacked: (id: string) => boolean;
      signal?: AbortSignal | undefined;
      onLayer?: (digest: string) => void;
    },
  ): Promise<StagedImage> {
    const { diffIds } = parseConfig(this.readBlob(config.digest));
    if (diffIds.length !== layers.length) {
      throw badImage(`the image's configuration names ${diffIds.length} layers, but there are ${layers.length}`);
    }
    const descriptors: Descriptor[] = [];
    for (const [at, diffId] of diffIds.entries()) {
      options.signal?.throwIfAborted();
      const digest = layers[at] as string;
      options.onLayer?.(digest);
      descriptors.push(await this.#checkLayer(digest, diffId));
    }
    const manifest: Manifest = {
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.manifest,
      config: { mediaType: MEDIA_TYPES.config, ...config },
      layers: descriptors,
    };
    const blob = this.addBytes(JSON.stringify(manifest));
    const root = layers.length === 0 || options.unpacked(config.digest) ? undefined : await this.#unpack(blob, options);
    // Everything must be on the disk before the index names it.
    await runProgram('sync', ['--file-system', this.path]);
    return {
      id: config.digest,
      manifest: blob,
      digests: [...new Set([blob.digest, config.digest, ...descriptors.map(({ digest }) => digest)])],
      root,
    };
  }

  /** Compares a layer with its diff ID, the digest of its tar. A zstd layer is kept as a tar: umoci knows no zstd. */
  async #checkLayer(digest: string, diffId: string): Promise<Descriptor> {
    const path = this.blobPath(digest);
    const { size } = await stat(path).catch((cause: unknown) => {
      throw badImage(`layer ${digest} is missing`, cause);
    });
    const compression = await compressionOf(path);
    const meter = new Meter();
    try {
      if (compression === 'none') await pipeline(createReadStream(path), meter.through, discard);
      else if (compression === 'gzip') await pipeline(createReadStream(path), createGunzip(), meter.through, discard);
      else {
        const tar = await this.addStream(createReadStream(path).pipe(createZstdDecompress()));
        if (tar.digest !== diffId) throw mismatch(digest, diffId, tar.digest);
        return layerDescriptor(MEDIA_TYPES.layer, tar.digest, tar.size, tar.size);
      }
    } catch (cause) {
      if (!isDecompressionError(cause)) throw cause;
      throw badImage(`layer ${digest} is damaged: ${(cause as Error).message}`, cause);
    }
    if (meter.digest !== diffId) throw mismatch(digest, diffId, meter.digest);
    const mediaType = compression === 'gzip' ? MEDIA_TYPES.layerGzip : MEDIA_TYPES.layer;
    return layerDescriptor(mediaType, digest, size, meter.bytes);
  }

  async #unpack(manifest: Blob, { signal }: { signal?: AbortSignal | undefined }): Promise<string> {
    const name = 'image';
    const descriptor = { mediaType: MEDIA_TYPES.manifest, ...manifest, annotations: { [REF_NAME]: name } };
    writeFileSync(join(this.path, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [descriptor] }));
    const root = join(this.path, 'root');
    await rm(root, { recursive: true, force: true });
    try {
      await runProgram('umoci', ['raw', 'unpack', '--image', `.:${name}`, 'root'], { cwd: this.path, signal });
    } catch (cause) {
      if (!PontoonError.is(cause, 'program')) throw cause;
      throw badImage(`the image cannot be unpacked: ${cause.message}`, cause);
    }
    return root;
  }
}

/** Passes bytes on while it counts and digests them. */
class Meter {
  readonly #hash = createHash('sha256');
  #digest: string | undefined;
  bytes = 0;

  readonly through = async function* (this: Meter, source: AsyncIterable<Buffer>) {
    for await (const chunk of source) {
      this.#hash.update(chunk);
      this.bytes += chunk.length;
      yield chunk;
    }
  }.bind(this);

  get digest(): string {
    this.#digest ??= `sha256:${this.#hash.digest('hex')}`;
    return this.#digest;
  }
}

async function discard(source: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of source);
}

type Compression = 'none' | 'gzip' | 'zstd';

const MAGIC: readonly (readonly [Compression, readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
];

/** Told by the first bytes, as Docker does, not by what a manifest claims. */
export function compressionOfBytes(head: Uint8Array): Compression {
  return MAGIC.find(([, magic]) => magic.every((byte, at) => head[at] === byte))?.[0] ?? 'none';
}

async function compressionOf(path: string): Promise<Compression> {
  await using file = await open(path);
  const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 0);
  return compressionOfBytes(buffer);
}

export function isDecompressionError(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? '';
  return code.startsWith('Z_') || code.startsWith('ZSTD_');
}

function layerDescriptor(mediaType: string, digest: string, size: number, tarBytes: number): Descriptor {
  return { mediaType, digest, size, annotations: { [TAR_BYTES]: String(tarBytes) } };
}

function mismatch(digest: string, diffId: string, actual: string): PontoonError {
  return badImage(`layer ${digest} is not what the image's configuration says: its tar is ${actual}, not ${diffId}`);
}
