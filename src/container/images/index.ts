/**
 * @module Images: what containers are made of. They come from registries, archives and root directories, or are made
 * here (pontoon/busybox, pontoon/host); each is unpacked once, to the directory that is the lower one of its containers.
 */

import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { PontoonError } from '../../errors.ts';
import { escapeOverlayPath } from '../../kernel/overlayfs.ts';
import { diskError } from '../disk.ts';
import type { ContainerEvent, HistoryEntry, Image, Progress } from '../types.ts';
import { loadArchive } from './archive-reader.ts';
import { saveArchive } from './archive-writer.ts';
import { BUILTINS, hostLower, isHostKey } from './builtin.ts';
import { applyChanges } from './changes.ts';
import { decompress } from './compression.ts';
import { parsePlatform } from './oci.ts';
import { type PullOptions, RemoteImage } from './pull.ts';
import { nameWithTag, parseReference, registryName } from './reference.ts';
import type { Stage } from './stage.ts';
import { blobsOf, ImageStore, type StoredImage, tarBytesOf, toImage, withMore } from './store.ts';

export interface ImagesOptions {
  /** Images are kept in DATAROOT/images. */
  readonly dataRoot: string;
  readonly runRoot: string;
  /** Where names without a registry are pulled from: a host, or a host and a path. Default: nowhere. */
  readonly defaultRegistry?: string | undefined;
  /** Hosts (with port, where it is not the usual) that are spoken to without TLS, or with any certificate. */
  readonly insecureRegistries?: readonly string[] | undefined;
  readonly onEvent?: ((event: ContainerEvent) => void) | undefined;
}

/** One step of a removal, in Docker's words: a name that is gone, or an image that is. */
export type Removal = { readonly untagged: string } | { readonly deleted: string };

/** The IDs of the containers that use an image. */
export type ImageUsers = (imageId: string) => readonly string[];

export interface RemoveOptions {
  /** Take all names away, and the last name of an image in use; what containers use stays, without a name. */
  readonly force?: boolean;
  readonly inUse?: ImageUsers;
}

export interface PruneOptions {
  /** Only images without a name (the default); false: all that no container uses. */
  readonly dangling?: boolean;
  readonly inUse?: ImageUsers;
  /** Only images made before, in milliseconds since 1970. */
  readonly untilMs?: number;
  /** Only images for which this is true, such as those with certain labels. */
  readonly matches?: (image: Image) => boolean;
}

export type ProgressListener = (progress: Progress) => void;

export interface ImportOptions {
  readonly name?: string | undefined;
  /** Instructions of a Dockerfile: 'CMD ["sh"]', 'ENV A=b', … */
  readonly changes?: readonly string[];
  readonly message?: string;
  readonly platform?: string | undefined;
}

export interface DiskUsage {
  /** All images; what several share counts once. */
  readonly totalBytes: number;
  /** By image ID: what it shares with others, in bytes. */
  readonly sharedBytes: ReadonlyMap<string, number>;
}

/** Opens the images of a data root. @throws PontoonError store */
export async function openImages(options: ImagesOptions): Promise<Images> {
  const store = await ImageStore.open(join(options.dataRoot, 'images'));
  const images = new Images(store, options);
  await images.makeBuiltins();
  return images;
}

export class Images {
  readonly #store: ImageStore;
  readonly #options: ImagesOptions;
  /** Built-in images that cannot be made here, and why. */
  readonly #unavailable = new Map<string, PontoonError>();
  readonly #unpacking = new Map<string, Promise<void>>();

  constructor(store: ImageStore, options: ImagesOptions) {
    this.#store = store;
    this.#options = options;
  }

  /** All images, newest first. */
  list(): Image[] {
    return this.#store
      .all()
      .map(toImage)
      .sort((a, b) => b.createdMs - a.createdMs);
  }

  /** By 'name[:tag]', 'name@sha256:…', ID, or the beginning of an ID. @throws PontoonError image-not-found */
  find(ref: string): Image {
    return toImage(this.#find(ref));
  }

  /** How an image was made, newest step first. @throws PontoonError image-not-found */
  history(ref: string): HistoryEntry[] {
    const image = this.#find(ref);
    const sizes = tarBytesOf(image).values();
    const steps = image.document.history.map((step) => ({
      ...step,
      sizeBytes: step.empty ? 0 : (sizes.next().value ?? 0),
    }));
    // An image need not say how it was made: then each layer is a step.
    const unnamed = [...sizes].map((sizeBytes) => ({ createdMs: 0, createdBy: '', comment: '', sizeBytes }));
    return [...steps, ...unnamed].reverse().map(({ createdMs, createdBy, comment, sizeBytes }, at) => ({
      createdMs,
      createdBy,
      comment,
      sizeBytes,
      id: at === 0 ? image.id : '<missing>',
      tags: at === 0 ? image.names : [],
    }));
  }

  /** Gives an image one more name; an image that had it loses it. @throws PontoonError image-not-found, bad-value */
  tag(ref: string, name: string): Image {
    const image = this.#find(ref);
    const reference = parseReference(name, this.#options.defaultRegistry);
    if (reference.digest !== undefined) {
      throw new PontoonError('bad-value', `refusing to create a tag with a digest reference: ${name}`, {
        subject: name,
      });
    }
    const tagged = nameWithTag(reference);
    const stored = this.#store.rename(image, { ...image, names: [...new Set([...image.names, tagged])] });
    this.#tell('tag', image.id, tagged);
    return toImage(stored);
  }

  /**
   * Takes a name away, and the image with its last name; or, by ID, the image with its name.
   * @throws PontoonError image-not-found; image-in-use, in Docker's words
   */
  async remove(ref: string, options: RemoveOptions = {}): Promise<Removal[]> {
    const image = this.#find(ref);
    const force = options.force ?? false;
    const users = options.inUse?.(image.id) ?? [];
    const name = this.#nameOf(image, ref);
    const short = shortId(image.id);
    if (name === undefined && image.names.length > 1 && !force) {
      throw inUse(ref, `unable to delete ${short} (must be forced) - image is referenced in multiple repositories`);
    }
    const isLast = name === undefined || image.names.length <= 1;
    if (isLast && users.length > 0 && !force) {
      const user = users[0]?.slice(0, 12);
      throw name === undefined
        ? inUse(ref, `unable to delete ${short} (must be forced) - image is being used by container ${user}`)
        : inUse(
            ref,
            `unable to remove repository reference "${ref}" (must force) - container ${user} is using its referenced image ${short}`,
          );
    }
    if (!isLast) {
      this.#untag(image, [name]);
      return [{ untagged: name }];
    }
    const untagged = [...image.names, ...image.digests].map((gone) => ({ untagged: gone }));
    if (users.length > 0) {
      if (image.names.length === 0) {
        throw inUse(
          ref,
          `unable to delete ${short} (cannot be forced) - image is being used by container ${users[0]?.slice(0, 12)}`,
        );
      }
      this.#untag(image, image.names);
      return image.names.map((gone) => ({ untagged: gone }));
    }
    await this.#delete(image);
    return [...untagged, { deleted: image.id }];
  }

  /** Removes images that nothing needs. The bytes are what their layers take when unpacked. */
  async prune(options: PruneOptions = {}): Promise<{ removed: Removal[]; reclaimedBytes: number }> {
    const { dangling = true, untilMs = Number.POSITIVE_INFINITY, matches = () => true, inUse: users } = options;
    const before = this.diskUsage().totalBytes;
    const removed: Removal[] = [];
    for (const stored of this.#store.all()) {
      const image = toImage(stored);
      if (stored.builtin !== undefined && image.tags.length > 0) continue; // it would come back
      if ((dangling && image.tags.length > 0) || image.createdMs >= untilMs || !matches(image)) continue;
      if ((users?.(image.id) ?? []).length > 0) continue;
      await this.#delete(stored);
      removed.push(...[...image.tags, ...image.digests].map((untagged) => ({ untagged })), { deleted: image.id });
    }
    const reclaimedBytes = before - this.diskUsage().totalBytes;
    this.#options.onEvent?.({
      timeNs: BigInt(Date.now()) * 1_000_000n,
      type: 'image',
      action: 'prune',
      id: '',
      attributes: { reclaimed: String(reclaimedBytes) },
    });
    return { removed, reclaimedBytes };
  }

  /** How much the layers of all images take. */
  diskUsage(): DiskUsage {
    const layers = new Map<string, { bytes: number; images: number }>();
    const each = this.#store.all().map((image) => {
      const sizes = tarBytesOf(image);
      return { id: image.id, layers: image.document.diffIds.map((diffId, at) => [diffId, sizes[at] ?? 0] as const) };
    });
    for (const [diffId, bytes] of each.flatMap((image) => image.layers)) {
      layers.set(diffId, { bytes, images: (layers.get(diffId)?.images ?? 0) + 1 });
    }
    const shared = (diffId: string, bytes: number) => ((layers.get(diffId)?.images ?? 0) > 1 ? bytes : 0);
    return {
      totalBytes: [...layers.values()].reduce((sum, { bytes }) => sum + bytes, 0),
      sharedBytes: new Map(
        each.map((image) => [image.id, image.layers.reduce((sum, [diffId, bytes]) => sum + shared(diffId, bytes), 0)]),
      ),
    };
  }

  /**
   * The lower directory of containers of this image, unpacked if it is not yet; several are separated by colons, as
   * overlayfs has them. Give it to mountRoot as it is.
   * @throws PontoonError image-not-found, bad-image, disk-full, program-missing
   */
  async root(imageId: string): Promise<{ lower: string }> {
    const image = this.#find(imageId);
    const { dataRoot, runRoot } = this.#options;
    if (isHostKey(image.builtin)) return { lower: hostLower(runRoot, [dataRoot, runRoot]) };
    if (!this.#store.isUnpacked(image.id)) await this.#unpack(image);
    return { lower: escapeOverlayPath(this.#store.unpackedPath(image.id)) };
  }

  /**
   * Takes the images of an archive: of `docker save` (with or without an OCI layout in it) or an OCI archive, as it is
   * or compressed by gzip or zstd. All or nothing for each image.
   * @throws PontoonError bad-image, disk-full, program-missing
   */
  async load(archive: Readable, onProgress: ProgressListener = () => {}, signal?: AbortSignal): Promise<Image[]> {
    return this.#inStage(async (stage) => {
      const loaded: Image[] = [];
      for (const { config, layers, names } of await loadArchive(stage, archive, signal)) {
        const staged = await stage.assemble(config, layers, {
          unpacked: (id) => this.#store.isUnpacked(id),
          signal,
          onLayer: (digest) => onProgress({ id: shortId(digest), status: 'Loading layer' }),
        });
        const short = names.map((name) => nameWithTag(parseReference(name, this.#options.defaultRegistry)));
        const image = this.#store.add(stage, staged, { names: short, digests: [] });
        this.#tell('load', image.id, short[0] ?? image.id);
        loaded.push(toImage(image));
      }
      return loaded;
    });
  }

  /**
   * Fetches an image from a registry. Layers that are here are not fetched again; nothing of a pull that fails is kept.
   * @param name 'name[:tag]' or 'name@sha256:…'
   * @throws PontoonError bad-value, image-not-found, registry-denied, registry, bad-image, disk-full, program-missing
   */
  async pull(name: string, options: PullOptions = {}): Promise<Image> {
    const { defaultRegistry, insecureRegistries = [] } = this.#options;
    const reference = parseReference(name, defaultRegistry);
    const { signal, onProgress = () => {} } = options;
    return this.#inStage(async (stage) => {
      const trusted = insecureRegistries.includes(registryName(reference.name, defaultRegistry).registry);
      const remote = new RemoteImage(stage, reference, {
        ...options,
        defaultRegistry,
        insecure: options.insecure ?? (trusted ? true : undefined),
      });
      onProgress({ id: reference.tag ?? reference.digest ?? 'latest', status: `Pulling from ${reference.name}` });
      const fetched = await remote.manifest();
      const known = this.#store.get(fetched.manifest.config.digest);
      const names = {
        names: reference.digest === undefined ? [nameWithTag(reference)] : [],
        digests: [`${reference.name}@${fetched.digest}`],
      };
      let image: StoredImage;
      if (known !== undefined) image = this.#store.rename(known, withMore(known, names));
      else {
        const config = await remote.config(fetched);
        const layers = fetched.manifest.layers.map(({ digest }) => digest);
        for (const digest of new Set(layers)) {
          if (this.#store.hasBlob(digest)) stage.addLink(this.#store.blobPath(digest), digest);
        }
        await remote.layers(fetched);
        const staged = await stage.assemble(config, layers, {
          unpacked: (id) => this.#store.isUnpacked(id),
          signal,
          onLayer: (digest) => onProgress({ id: shortId(digest), status: 'Verifying Checksum' }),
        });
        image = this.#store.add(stage, staged, names);
        for (const digest of layers) onProgress({ id: shortId(digest), status: 'Pull complete' });
      }
      const shown = names.names[0] ?? name;
      onProgress({ status: `Digest: ${fetched.digest}` });
      onProgress({
        status: `Status: ${known === undefined ? 'Downloaded newer image' : 'Image is up to date'} for ${shown}`,
      });
      this.#tell('pull', shown, shown);
      return toImage(image);
    });
  }

  /**
   * Makes an image of one layer from the tar of a root directory, as it is or compressed by gzip or zstd.
   * @throws PontoonError bad-value, bad-image, disk-full, program-missing
   */
  async importRoot(tar: Readable, options: ImportOptions = {}): Promise<Image> {
    const { name, changes = [], message = '' } = options;
    const reference = name === undefined ? undefined : parseReference(name, this.#options.defaultRegistry);
    const config = applyChanges(changes);
    return this.#inStage(async (stage) => {
      const layer = await stage.addStream(decompress(tar));
      const created = new Date().toISOString();
      const document = {
        created,
        architecture: parsePlatform(options.platform).architecture,
        os: 'linux',
        comment: message,
        config,
        rootfs: { type: 'layers', diff_ids: [layer.digest] },
        history: [{ created, comment: message }],
      };
      const staged = await stage.assemble(stage.addBytes(JSON.stringify(document)), [layer.digest], {
        unpacked: () => false,
      });
      const image = this.#store.add(stage, staged, { names: reference ? [nameWithTag(reference)] : [], digests: [] });
      this.#tell('import', image.id, image.names[0] ?? image.id);
      return toImage(image);
    });
  }

  /**
   * An archive of these images that `docker load`, skopeo and Pontoon read.
   * @throws PontoonError image-not-found; mode-conflict for pontoon/host
   */
  save(refs: readonly string[]): Readable {
    const images = new Map<string, { image: StoredImage; names: string[] }>();
    for (const ref of refs) {
      const image = this.#find(ref);
      if (isHostKey(image.builtin)) {
        throw new PontoonError('mode-conflict', `${ref} is this host's own root, not an image that can be saved`, {
          subject: ref,
        });
      }
      const entry = images.get(image.id) ?? { image, names: [] };
      const name = this.#nameOf(image, ref);
      if (name !== undefined) entry.names.push(name);
      images.set(image.id, entry);
      this.#tell('save', image.id, ref);
    }
    return saveArchive(this.#store, [...images.values()]);
  }

  /** Makes the built-in images that are not here, as far as the host has what they are made of. */
  async makeBuiltins(): Promise<void> {
    for (const builtin of BUILTINS) {
      try {
        const key = builtin.key();
        const known = this.#store.all().find((image) => image.builtin === key);
        if (known?.names.includes(builtin.name)) continue;
        if (known !== undefined) {
          this.#store.rename(known, { ...known, names: [...known.names, builtin.name] });
          continue;
        }
        await this.#inStage(async (stage) => {
          const { config, layers } = await builtin.build(stage);
          // Unpacked when it is first used: that takes longer than all the rest of an opening.
          const staged = await stage.assemble(config, layers, { unpacked: () => true });
          this.#store.add(stage, staged, { names: [builtin.name], digests: [], builtin: key });
        });
      } catch (error) {
        if (!PontoonError.is(error, 'program-missing')) throw error;
        this.#unavailable.set(builtin.name, error);
      }
    }
  }

  #find(ref: string): StoredImage {
    const hex = /^(?:sha256:)?([0-9a-f]{4,64})$/.exec(ref)?.[1];
    const byName = hex?.length === 64 || ref.startsWith('sha256:') ? undefined : this.#findByName(ref);
    if (byName !== undefined) return byName;
    const byId = hex === undefined ? [] : this.#store.all().filter(({ id }) => id.startsWith(`sha256:${hex}`));
    if (byId.length === 1) return byId[0] as StoredImage;
    throw new PontoonError('image-not-found', `No such image: ${ref}`, { subject: ref });
  }

  #findByName(ref: string): StoredImage | undefined {
    const reference = parseReference(ref, this.#options.defaultRegistry);
    if (reference.digest !== undefined) {
      const digest = `${reference.name}@${reference.digest}`;
      return this.#store.all().find(({ digests }) => digests.includes(digest));
    }
    const name = nameWithTag(reference);
    const found = this.#store.all().find(({ names }) => names.includes(name));
    const unavailable = this.#unavailable.get(name);
    if (found === undefined && unavailable !== undefined) throw unavailable;
    return found;
  }

  /** The name that a reference means, undefined where it is an ID or a digest. */
  #nameOf(image: StoredImage, ref: string): string | undefined {
    return image.names.find((name) => name === ref || name === `${ref}:latest` || name === this.#normalise(ref));
  }

  #normalise(ref: string): string | undefined {
    if (/^(sha256:)?[0-9a-f]{64}$/.test(ref)) return undefined;
    const reference = parseReference(ref, this.#options.defaultRegistry);
    return reference.digest === undefined ? nameWithTag(reference) : undefined;
  }

  #untag(image: StoredImage, gone: readonly string[]): void {
    this.#store.rename(image, { ...image, names: image.names.filter((name) => !gone.includes(name)) });
    for (const name of gone) this.#tell('untag', image.id, name);
  }

  async #delete(image: StoredImage): Promise<void> {
    await this.#store.remove(image);
    for (const name of image.names) this.#tell('untag', image.id, name);
    this.#tell('delete', image.id, image.id);
  }

  /** Unpacks an image that is here, once, however many ask for it. */
  #unpack(image: StoredImage): Promise<void> {
    const running = this.#unpacking.get(image.id);
    if (running !== undefined) return running;
    const work = this.#inStage(async (stage) => {
      for (const digest of blobsOf(image)) stage.addLink(this.#store.blobPath(digest), digest);
      const layers = image.manifest.layers.map(({ digest }) => digest);
      this.#store.putRoot(await stage.assemble(image.manifest.config, layers, { unpacked: () => false }));
    }).finally(() => this.#unpacking.delete(image.id));
    this.#unpacking.set(image.id, work);
    return work;
  }

  /** Runs `work` in a stage that is removed afterwards, whatever happens. */
  async #inStage<T>(work: (stage: Stage) => Promise<T>): Promise<T> {
    try {
      await using stage = this.#store.stage();
      return await work(stage);
    } catch (error) {
      throw diskError(error, this.#store.path);
    }
  }

  #tell(action: string, id: string, name: string): void {
    const timeNs = BigInt(Date.now()) * 1_000_000n;
    this.#options.onEvent?.({ timeNs, type: 'image', action, id, attributes: { name } });
  }
}

/** The first 12 digits, as Docker shows them. */
function shortId(digest: string): string {
  return digest.replace(/^sha256:/, '').slice(0, 12);
}

function inUse(ref: string, message: string): PontoonError {
  return new PontoonError('image-in-use', `conflict: ${message}`, { subject: ref });
}
