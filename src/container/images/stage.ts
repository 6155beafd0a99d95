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
import { PontoonError } from '../../errors.ts';
import { runProgram } from '../programs.ts';
import { compressionOf, decompress } from './compression.ts';
import { parseConfig } from './config.ts';
import { badImage, type Descriptor, hexOf, type Manifest, MEDIA_TYPES, OCI_LAYOUT, REF_NAME, sha256 } from './oci.ts';

/** A layer's descriptor in our manifests says how large its tar is when it is not compressed. */
export const TAR_BYTES = 'pontoon.tar-bytes';

export interface Blob {
  readonly digest: string;
  readonly size: number;
}

/** How much of a layer's blob has been read, in bytes. */
type LayerListener = (digest: string, current: number, total: number) => void;

export interface AssembleOptions {
  /** True for an image, by ID, whose root need not be unpacked. */
  readonly unpacked: (id: string) => boolean;
  readonly signal?: AbortSignal | undefined;
  /** Called at the beginning of each layer, at its end, and now and then between. */
  readonly onLayer?: LayerListener;
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
   * Checks that the layers are what the configuration says, and unpacks them. All of them must be in the stage.
   * @throws PontoonError bad-image, disk-full, program-missing
   */
  async assemble(config: Blob, layers: readonly string[], options: AssembleOptions): Promise<StagedImage> {
    const { diffIds } = parseConfig(this.readBlob(config.digest));
    if (diffIds.length !== layers.length) {
      throw badImage(`the image's configuration names ${diffIds.length} layers, but there are ${layers.length}`);
    }
    const descriptors: Descriptor[] = [];
    for (const [at, diffId] of diffIds.entries()) {
      options.signal?.throwIfAborted();
      const digest = layers[at] as string;
      descriptors.push(await this.#checkLayer(digest, diffId, options.onLayer));
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

  /** Compares a layer with its diff ID, the digest of its tar. umoci knows gzip alone: others are kept as a tar. */
  async #checkLayer(digest: string, diffId: string, onLayer: LayerListener = () => {}): Promise<Descriptor> {
    const path = this.blobPath(digest);
    const { size } = await stat(path).catch((cause: unknown) => {
      throw badImage(`layer ${digest} is missing`, cause);
    });
    const tar = new Meter();
    const read = () => watched(createReadStream(path), (current) => onLayer(digest, current, size));
    try {
      const compression = compressionOf(await headOf(path));
      if (compression !== 'none' && compression !== 'gzip') {
        const blob = await this.addStream(decompress(read()));
        if (blob.digest !== diffId) throw mismatch(diffId, blob.digest);
        return layerDescriptor(MEDIA_TYPES.layer, blob.digest, blob.size, blob.size);
      }
      await pipeline(read, decompress, tar.through, discard);
      if (tar.digest !== diffId) throw mismatch(diffId, tar.digest);
      const mediaType = compression === 'gzip' ? MEDIA_TYPES.layerGzip : MEDIA_TYPES.layer;
      return layerDescriptor(mediaType, digest, size, tar.bytes);
    } catch (error) {
      throw PontoonError.is(error, 'bad-image') ? badImage(`layer ${digest}: ${error.message}`, error) : error;
    }
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

const BYTES_BETWEEN_REPORTS = 4 * 1024 * 1024;

async function* watched(source: AsyncIterable<Buffer>, report: (bytes: number) => void): AsyncGenerator<Buffer> {
  let [bytes, reported] = [0, 0];
  report(0);
  for await (const chunk of source) {
    bytes += chunk.length;
    if (bytes - reported >= BYTES_BETWEEN_REPORTS) {
      report(bytes);
      reported = bytes;
    }
    yield chunk;
  }
  report(bytes);
}

async function discard(source: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of source);
}

async function headOf(path: string): Promise<Buffer> {
  await using file = await open(path);
  const { buffer } = await file.read(Buffer.alloc(8), 0, 8, 0);
  return buffer;
}

function layerDescriptor(mediaType: string, digest: string, size: number, tarBytes: number): Descriptor {
  return { mediaType, digest, size, annotations: { [TAR_BYTES]: String(tarBytes) } };
}

function mismatch(diffId: string, actual: string): PontoonError {
  return badImage(`it is not what the image's configuration says: its tar is ${actual}, not ${diffId}`);
}
