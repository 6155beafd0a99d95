/**
 * @module Reading images from an archive: `docker save` of any age since 2016 (manifest.json), or an OCI archive
 * (index.json). The archive comes from anywhere: a name in it never becomes a path of ours. Every file is kept under the
 * digest of its content, and the names are looked up in a table.
 */

import { posix } from 'node:path';
import type { Readable } from 'node:stream';
import { readTar } from '../tar.ts';
import {
  badImage,
  choosePlatform,
  type Descriptor,
  type Index,
  isIndexType,
  isObject,
  parseIndex,
  parseManifest,
  REF_NAME,
} from './oci.ts';
import type { Blob, Stage } from './stage.ts';

export interface ArchivedImage {
  readonly config: Blob;
  /** Digests of the blobs, lowest first. */
  readonly layers: readonly string[];
  /** References as the archive has them. */
  readonly names: readonly string[];
}

/** More names than this are no image. */
const MOST_FILES = 100_000;
/** A larger file is no manifest and no configuration. */
const LARGEST_DOCUMENT_BYTES = 16 * 1024 * 1024;

/** Takes all files of an archive into the stage and says which images they are. @throws PontoonError bad-image */
export async function loadArchive(stage: Stage, archive: Readable, signal?: AbortSignal): Promise<ArchivedImage[]> {
  const files = new ArchiveFiles(stage);
  await files.read(archive, signal);
  if (files.has('manifest.json')) return dockerImages(files);
  if (files.has('index.json')) return ociImages(files);
  throw badImage('the archive has neither a manifest.json (docker save) nor an index.json (OCI)');
}

/** @see moby image/tarexport/load.go */
function dockerImages(files: ArchiveFiles): ArchivedImage[] {
  const entries: unknown = parse(files.text('manifest.json'));
  if (!Array.isArray(entries) || entries.length === 0) throw badImage('manifest.json of the archive names no image');
  return entries.map((entry) => {
    if (!isObject(entry) || typeof entry.Config !== 'string' || !isTextList(entry.Layers)) {
      throw badImage('manifest.json of the archive has an entry without Config and Layers');
    }
    const names = entry.RepoTags ?? [];
    if (!isTextList(names)) throw badImage('manifest.json of the archive has RepoTags of the wrong type');
    return {
      config: files.blob(entry.Config),
      layers: entry.Layers.map((name) => files.blob(name).digest),
      names,
    };
  });
}

/** @see OCI image-spec image-layout.md */
function ociImages(files: ArchiveFiles): ArchivedImage[] {
  const index = parseIndex(files.text('index.json'), 'index.json of the archive');
  if (index.manifests.length === 0) throw badImage('index.json of the archive names no image');
  const images = new Map<string, ArchivedImage>();
  for (const descriptor of index.manifests) {
    const manifest = parseManifest(files.content(imageOf(files, descriptor).digest), `manifest ${descriptor.digest}`);
    const known = images.get(manifest.config.digest);
    images.set(manifest.config.digest, {
      config: { digest: manifest.config.digest, size: files.content(manifest.config.digest).length },
      layers: manifest.layers.map(({ digest }) => files.checked(digest)),
      names: [...(known?.names ?? []), ...namesOf(descriptor)],
    });
  }
  return [...images.values()];
}

/** An entry of the index may be an index itself: of one image for several platforms. */
function imageOf(files: ArchiveFiles, descriptor: Descriptor): Descriptor {
  if (!isIndexType(descriptor.mediaType)) return descriptor;
  const inner: Index = parseIndex(files.content(descriptor.digest), `index ${descriptor.digest}`);
  const here = { ...inner, manifests: inner.manifests.filter(({ digest }) => files.holds(digest)) };
  return here.manifests.length === 1
    ? (here.manifests[0] as Descriptor)
    : choosePlatform(here, undefined, 'the archive');
}

/** A tag alone says too little to be a name. */
function namesOf({ annotations = {} }: Descriptor): string[] {
  const name = annotations['io.containerd.image.name'] ?? annotations[REF_NAME];
  return name !== undefined && /[:/]/.test(name) ? [name] : [];
}

/** What an archive has, by name. */
class ArchiveFiles {
  readonly #stage: Stage;
  readonly #blobs = new Map<string, Blob>();
  /** The size of each content, by digest. */
  readonly #contents = new Map<string, number>();
  /** Names that stand for others. Old `docker save` has symbolic links where images share layers. */
  readonly #links = new Map<string, string>();

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  async read(archive: Readable, signal?: AbortSignal): Promise<void> {
    await readTar(
      archive,
      async ({ name, type, linkname }, content) => {
        const path = normalise(name);
        if (this.#blobs.size + this.#links.size > MOST_FILES)
          throw badImage(`the archive has over ${MOST_FILES} files`);
        if (type === 'file' || type === 'contiguous-file') {
          const blob = await this.#stage.addStream(content);
          this.#blobs.set(path, blob);
          this.#contents.set(blob.digest, blob.size);
          return;
        }
        if (type === 'symlink') this.#links.set(path, normalise(posix.join(posix.dirname(path), linkname)));
        if (type === 'link') this.#links.set(path, normalise(linkname));
        content.resume();
      },
      signal,
    );
  }

  has(name: string): boolean {
    return this.#blobs.has(name);
  }

  /** True when a file's content has this digest. */
  holds(digest: string): boolean {
    return this.#contents.has(digest);
  }

  /** A file by its name in the archive. @throws PontoonError bad-image */
  blob(name: string): Blob {
    let path = normalise(name);
    for (let hops = 0; hops < 10 && this.#links.has(path); hops++) path = this.#links.get(path) as string;
    const blob = this.#blobs.get(path);
    if (blob === undefined) throw badImage(`the archive has no ${name}, which it says that it has`);
    return blob;
  }

  text(name: string): string {
    return this.content(this.blob(name).digest).toString();
  }

  /** A document of the archive. @throws PontoonError bad-image */
  content(digest: string): Buffer {
    if ((this.#contents.get(digest) ?? 0) > LARGEST_DOCUMENT_BYTES)
      throw badImage(`${digest} is too large for a document`);
    return this.#stage.readBlob(this.checked(digest));
  }

  /** The digest, when a file has it. @throws PontoonError bad-image */
  checked(digest: string): string {
    if (this.holds(digest)) return digest;
    throw badImage(`the archive has no file whose content is ${digest}: it is damaged or incomplete`);
  }
}

function normalise(name: string): string {
  return posix.normalize(name).replace(/^(\.{0,2}\/)+/, '');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw badImage(`manifest.json of the archive is not JSON: ${(cause as Error).message}`, cause);
  }
}

function isTextList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
