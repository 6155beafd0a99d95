/**
 * @module The image store on disk: one OCI image layout, and each image's unpacked root beside it.
 *
 * `DIRECTORY/index.json` has one descriptor an image and is replaced by an atomic rename: what it names is there, what
 * it does not name is garbage that the next opening removes. `blobs/sha256/` has manifests, configurations and layers,
 * `unpacked/` a directory for each image that is the lower directory of its containers, `stages/` what is being made.
 * One process at a time: the daemon holds the data root's lock.
 */

import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PontoonError } from '../../errors.ts';
import { makeDirectories } from '../../kernel/directory.ts';
import { type ConfigDocument, parseConfig } from './config.ts';
import {
  type Descriptor,
  hexOf,
  type Manifest,
  MEDIA_TYPES,
  OCI_LAYOUT,
  parseIndex,
  parseManifest,
  REF_NAME,
} from './oci.ts';
import { Stage, type StagedImage, TAR_BYTES } from './stage.ts';

/** What the index says of an image besides the standard: lists are separated by spaces, which no name can have. */
const NAMES = 'pontoon.names';
const DIGESTS = 'pontoon.digests';
const BUILTIN = 'pontoon.builtin';
/** Of the whole index: the registry that clients put before names without one. */
const CLIENT_REGISTRY = 'pontoon.client-registry';

/** What may change about an image that is there. */
export interface ImageNames {
  /** 'name:tag' in the short form. */
  readonly names: readonly string[];
  /** 'name@sha256:…'. */
  readonly digests: readonly string[];
  /** For an image that Pontoon makes itself: which, and of what. */
  readonly builtin?: string | undefined;
}

export interface StoredImage extends ImageNames {
  readonly id: string;
  readonly descriptor: Descriptor;
  readonly manifest: Manifest;
  readonly document: ConfigDocument;
}

export class ImageStore {
  readonly path: string;
  readonly #images = new Map<string, StoredImage>();
  #clientRegistry: string | undefined;

  private constructor(path: string) {
    this.path = path;
  }

  /** Opens the directory, and makes it when it is not there; removes what a killed process left. @throws PontoonError store */
  static async open(path: string): Promise<ImageStore> {
    const store = new ImageStore(path);
    try {
      for (const name of ['blobs/sha256', 'unpacked', 'stages']) makeDirectories(join(path, name), 0o700);
      if (!existsSync(join(path, 'oci-layout'))) writeDurably(join(path, 'oci-layout'), OCI_LAYOUT);
      store.#read();
      await store.#sweep();
    } catch (cause) {
      if (PontoonError.is(cause, 'store')) throw cause;
      const advice = 'restore it from a copy, or move it away to begin anew';
      const message = `the image store ${path} cannot be used (${(cause as Error).message}): ${advice}`;
      throw new PontoonError('store', message, { cause, subject: path });
    }
    return store;
  }

  all(): StoredImage[] {
    return [...this.#images.values()];
  }

  /** The registry that clients put before names without one, once one is known. */
  get clientRegistry(): string | undefined {
    return this.#clientRegistry;
  }

  /** Remembers that registry, and shortens the names that are here. Where two become one, the later image has it. */
  setClientRegistry(registry: string, shorten: (name: string) => string): void {
    this.#clientRegistry = registry;
    for (const image of this.all()) {
      const short = (names: readonly string[]) => [...new Set(names.map(shorten))];
      this.rename(image, { ...image, names: short(image.names), digests: short(image.digests) });
    }
  }

  get(id: string): StoredImage | undefined {
    return this.#images.get(id);
  }

  blobPath(digest: string): string {
    return join(this.path, 'blobs/sha256', hexOf(digest));
  }

  unpackedPath(id: string): string {
    return join(this.path, 'unpacked', hexOf(id));
  }

  isUnpacked(id: string): boolean {
    return existsSync(this.unpackedPath(id));
  }

  hasBlob(digest: string): boolean {
    return existsSync(this.blobPath(digest));
  }

  readBlob(digest: string): Buffer {
    return readFileSync(this.blobPath(digest));
  }

  /** A new empty stage. Dispose of it, whatever happens. */
  stage(): Stage {
    return new Stage(join(this.path, 'stages', randomBytes(8).toString('hex')));
  }

  /**
   * Takes an image from its stage, which keeps its blobs: the next image of it may share them. One that is here stays as it
   * is and gets more names.
   */
  add(stage: Stage, staged: StagedImage, more: ImageNames): StoredImage {
    const known = this.#images.get(staged.id);
    if (known === undefined) {
      const lacking = staged.digests.filter((digest) => !this.hasBlob(digest));
      for (const digest of lacking) linkSync(stage.blobPath(digest), this.blobPath(digest));
    }
    this.putRoot(staged);
    const image = known ?? this.#load({ mediaType: MEDIA_TYPES.manifest, ...staged.manifest });
    return this.rename(image, withMore(image, more));
  }

  /** Moves an unpacked root into place, unless it has come by another way meanwhile. */
  putRoot({ id, root }: Pick<StagedImage, 'id' | 'root'>): void {
    if (root !== undefined && !this.isUnpacked(id)) renameSync(root, this.unpackedPath(id));
  }

  /** Forgets an image, then removes its files, except those that others share. */
  async remove(image: StoredImage): Promise<void> {
    const images = new Map(this.#images);
    images.delete(image.id);
    this.#commit(images);
    const shared = new Set(this.all().flatMap(blobsOf));
    const gone = blobsOf(image).filter((digest) => !shared.has(digest));
    // Out of the way in one step: a directory that is half removed must not pass for an unpacked root.
    const doomed = join(this.path, 'stages', randomBytes(8).toString('hex'));
    if (this.isUnpacked(image.id)) renameSync(this.unpackedPath(image.id), doomed);
    await Promise.all([...gone.map((digest) => this.blobPath(digest)), doomed].map(removeTree));
  }

  /** Replaces what an image is called; a name that another image has moves to this one. */
  rename(image: StoredImage, { names, digests, builtin }: ImageNames): StoredImage {
    const images = new Map(this.#images);
    for (const other of this.all()) {
      if (other.id === image.id) continue;
      const without = (theirs: readonly string[], taken: readonly string[]) =>
        theirs.filter((name) => !taken.includes(name));
      images.set(other.id, {
        ...other,
        names: without(other.names, names),
        digests: without(other.digests, digests),
      });
    }
    const changed = { ...image, names, digests, builtin };
    images.set(image.id, changed);
    this.#commit(images);
    return changed;
  }

  /** Writes the index, then remembers it. */
  #commit(images: Map<string, StoredImage>): void {
    const manifests = [...images.values()].map(({ id, descriptor, names, digests, builtin }) => ({
      ...descriptor,
      annotations: {
        [REF_NAME]: hexOf(id),
        [NAMES]: names.join(' '),
        [DIGESTS]: digests.join(' '),
        ...(builtin === undefined ? {} : { [BUILTIN]: builtin }),
      },
    }));
    const annotations = this.#clientRegistry === undefined ? {} : { [CLIENT_REGISTRY]: this.#clientRegistry };
    writeDurably(
      join(this.path, 'index.json'),
      JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPES.index, manifests, annotations }, null, 1),
    );
    this.#images.clear();
    for (const [id, image] of images) this.#images.set(id, image);
  }

  #read(): void {
    const path = join(this.path, 'index.json');
    if (!existsSync(path)) return;
    const index = parseIndex(readFileSync(path), path);
    this.#clientRegistry = index.annotations?.[CLIENT_REGISTRY];
    for (const { annotations = {}, ...descriptor } of index.manifests) {
      const image = this.#load(descriptor);
      const list = (key: string) => (annotations[key] ?? '').split(' ').filter((item) => item !== '');
      this.#images.set(image.id, {
        ...image,
        names: list(NAMES),
        digests: list(DIGESTS),
        builtin: annotations[BUILTIN],
      });
    }
  }

  #load({ mediaType, digest, size }: Descriptor): StoredImage {
    const manifest = parseManifest(this.readBlob(digest), `manifest ${digest}`);
    const document = parseConfig(this.readBlob(manifest.config.digest));
    const descriptor = { mediaType, digest, size };
    return { id: manifest.config.digest, descriptor, manifest, document, names: [], digests: [] };
  }

  /** Removes what the index does not name: stages, blobs and roots that a process left when it was killed. */
  async #sweep(): Promise<void> {
    const known = new Set(this.all().flatMap(blobsOf).map(hexOf));
    const roots = new Set(this.all().map(({ id }) => hexOf(id)));
    const garbage = [
      ...filesOf(join(this.path, 'stages')),
      ...filesOf(join(this.path, 'blobs/sha256'), (name) => !known.has(name)),
      ...filesOf(join(this.path, 'unpacked'), (name) => !roots.has(name)),
    ];
    for (const path of garbage) await removeTree(path);
  }
}

/** The names that an image has, and more. */
export function withMore(image: ImageNames, more: ImageNames): ImageNames {
  return {
    names: [...new Set([...image.names, ...more.names])],
    digests: [...new Set([...image.digests, ...more.digests])],
    builtin: more.builtin ?? image.builtin,
  };
}

export function blobsOf({ descriptor, manifest }: StoredImage): string[] {
  return [descriptor.digest, manifest.config.digest, ...manifest.layers.map(({ digest }) => digest)];
}

/** How large a layer's tar is, in the same order as the manifest's layers. */
export function tarBytesOf({ manifest }: StoredImage): number[] {
  return manifest.layers.map(({ annotations, size }) => Number(annotations?.[TAR_BYTES] ?? size));
}

function filesOf(directory: string, choose: (name: string) => boolean = () => true): string[] {
  return readdirSync(directory)
    .filter(choose)
    .map((name) => join(directory, name));
}

async function removeTree(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
}

/** Replaces a file so that after a crash it has either the old content or the new. */
function writeDurably(path: string, content: string): void {
  const temporary = `${path}.new`;
  const fd = openSync(temporary, 'w', 0o600);
  try {
    writeFileSync(fd, content);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(temporary, path);
  const directory = openSync(join(path, '..'), 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
