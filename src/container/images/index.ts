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
import { isInsecure } from './insecure.ts';
import { parsePlatform, shortDigest } from './oci.ts';
import { type PullOptions, RemoteImage } from './pull.ts';
import {
  clientRegistryOf,
  isShortFor,
  nameWithTag,
  parseReference,
  type Reference,
  registryName,
  shortName,
} from './reference.ts';
import { type ImageUsers, planRemoval, type Removal, type RemoveOptions } from './removal.ts';
import type { Stage } from './stage.ts';
import { blobsOf, ImageStore, type StoredImage, withMore } from './store.ts';
import { type DiskUsage, diskUsageOf, historyOf, toImage } from './views.ts';

export type { ImageUsers, Removal, RemoveOptions } from './removal.ts';
export type { DiskUsage } from './views.ts';

export interface ImagesOptions {
  /** Images are kept in DATAROOT/images. */
  readonly dataRoot: string;
  readonly runRoot: string;
  /** Where names without a registry are pulled from: a host, or a host and a path. Default: nowhere. */
  readonly defaultRegistry?: string | undefined;
  /** Hosts (with port, where it is not the usual) and prefixes of addresses that are spoken to without TLS, or with any certificate. */
  readonly insecureRegistries?: readonly string[] | undefined;
  readonly onEvent?: ((event: ContainerEvent) => void) | undefined;
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

  /** The ID of the image that a reference stands for now; undefined where there is none. */
  identify(ref: string): string | undefined {
    try {
      return this.#find(ref).id;
    } catch (error) {
      if (PontoonError.is(error)) return undefined;
      throw error;
    }
  }

  /** How an image was made, newest step first. @throws PontoonError image-not-found */
  history(ref: string): HistoryEntry[] {
    return historyOf(this.#find(ref));
  }

  /** Gives an image one more name; an image that had it loses it. @throws PontoonError image-not-found, bad-value */
  tag(ref: string, name: string): Image {
    const image = this.#find(ref);
    const reference = this.#parseName(name);
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
    const { image, name } = this.#lookUp(ref);
    const plan = planRemoval(image, {
      ref,
      name,
      force: options.force ?? false,
      users: options.inUse?.(image.id) ?? [],
    });
    if (plan === 'delete') return this.#delete(image);
    this.#store.rename(image, { ...image, names: image.names.filter((one) => !plan.includes(one)) });
    for (const untagged of plan) this.#tell('untag', image.id, untagged);
    return plan.map((untagged) => ({ untagged }));
  }

  /** Removes images that nothing needs. The bytes are what their layers take when unpacked. */
  async prune(options: PruneOptions = {}): Promise<{ removed: Removal[]; reclaimedBytes: number }> {
    const { dangling = true, untilMs = Number.POSITIVE_INFINITY, matches = () => true, inUse: users } = options;
    const before = this.diskUsage().totalBytes;
    const removed: Removal[] = [];
    for (const stored of this.#store.all()) {
      const image = toImage(stored);
      if (BUILTINS.some(({ name }) => image.tags.includes(name))) continue; // it would come back
      if ((dangling && image.tags.length > 0) || image.createdMs >= untilMs || !matches(image)) continue;
      if ((users?.(image.id) ?? []).length > 0) continue;
      removed.push(...(await this.#delete(stored)));
    }
    const reclaimedBytes = before - this.diskUsage().totalBytes;
    this.#tell('prune', '', { reclaimed: String(reclaimedBytes) });
    return { removed, reclaimedBytes };
  }

  /** How much the layers of all images take. */
  diskUsage(): DiskUsage {
    return diskUsageOf(this.#store.all());
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
   * or compressed. All or nothing for each image. The answer has only the names that were in the archive.
   * @throws PontoonError bad-image, disk-full, program-missing
   */
  async load(archive: Readable, onProgress: ProgressListener = () => {}, signal?: AbortSignal): Promise<Image[]> {
    return this.#inStage(async (stage) => {
      const loaded: Image[] = [];
      for (const { config, layers, names } of await loadArchive(stage, archive, signal)) {
        const staged = await stage.assemble(config, layers, {
          unpacked: (id) => this.#store.isUnpacked(id),
          signal,
          onLayer: (digest, current, total) =>
            onProgress({ id: shortDigest(digest), status: 'Loading layer', current, total }),
        });
        const short = names.map((name) => nameWithTag(this.#parseName(name)));
        const image = this.#store.add(stage, staged, { names: short, digests: [] });
        this.#tell('load', image.id, short[0] ?? image.id);
        loaded.push(toImage({ ...image, names: short }));
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
    const { insecureRegistries } = this.#options;
    const reference = this.#parseName(name);
    const builtin = BUILTINS.find(
      (one) => one.name === nameWithTag(reference) || isShortFor(one.name, nameWithTag(reference)),
    );
    if (builtin !== undefined) return this.#pullBuiltin(builtin.name);
    const defaultRegistry = this.#defaultRegistry;
    const { signal, onProgress = () => {} } = options;
    return this.#inStage(async (stage) => {
      const { registry } = registryName(reference.name, defaultRegistry);
      const insecure = options.insecure ?? isInsecure(registry, insecureRegistries);
      const remote = new RemoteImage(stage, reference, { ...options, defaultRegistry, insecure });
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
          onLayer: (digest, current) => {
            if (current === 0) onProgress({ id: shortDigest(digest), status: 'Verifying Checksum' });
          },
        });
        image = this.#store.add(stage, staged, names);
        for (const digest of layers) onProgress({ id: shortDigest(digest), status: 'Pull complete' });
      }
      const shown = names.names[0] ?? name;
      this.#tell('pull', shown, shown);
      return toImage(image);
    });
  }

  /**
   * Makes an image of one layer from the tar of a root directory, as it is or compressed.
   * @throws PontoonError bad-value, bad-image, disk-full, program-missing
   */
  async importRoot(tar: Readable, options: ImportOptions = {}): Promise<Image> {
    const { name, changes = [], message = '' } = options;
    const reference = name === undefined ? undefined : this.#parseName(name);
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
      const { image, name } = this.#lookUp(ref);
      if (isHostKey(image.builtin)) {
        throw new PontoonError('mode-conflict', `${ref} is this host's own root, not an image that can be saved`, {
          subject: ref,
        });
      }
      const entry = images.get(image.id) ?? { image, names: [] };
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

  /** Makes a built-in image again that was removed: no registry has it. */
  async #pullBuiltin(name: string): Promise<Image> {
    await this.makeBuiltins();
    return this.find(name);
  }

  get #defaultRegistry(): string | undefined {
    return this.#options.defaultRegistry ?? this.#store.clientRegistry;
  }

  /**
   * Takes a name apart that an image is to have. Where no default registry is configured, this may show which one
   * clients mean, and names are short from then on.
   */
  #parseName(text: string): Reference {
    const reference = parseReference(text, this.#defaultRegistry);
    const registry = this.#defaultRegistry === undefined ? clientRegistryOf(reference) : undefined;
    if (registry === undefined) return reference;
    this.#store.setClientRegistry(registry, (name) => shortName(name, registry));
    return parseReference(text, registry);
  }

  #find(ref: string): StoredImage {
    return this.#lookUp(ref).image;
  }

  /** An image, and its name where it was found by that. */
  #lookUp(ref: string): { readonly image: StoredImage; readonly name?: string } {
    const hex = /^(?:sha256:)?([0-9a-f]{1,64})$/.exec(ref)?.[1];
    const isId = hex?.length === 64 || ref.startsWith('sha256:');
    const named = isId ? undefined : this.#lookUpName(ref);
    if (named !== undefined) return named;
    const byId = hex === undefined ? [] : this.#store.all().filter(({ id }) => id.startsWith(`sha256:${hex}`));
    if (byId[0] !== undefined && byId.length === 1) return { image: byId[0] };
    throw new PontoonError('image-not-found', `No such image: ${ref}`, { subject: ref });
  }

  #lookUpName(ref: string): { readonly image: StoredImage; readonly name?: string } | undefined {
    const reference = parseReference(ref, this.#defaultRegistry);
    if (reference.digest !== undefined) {
      const digest = `${reference.name}@${reference.digest}`;
      const image = this.#store.all().find(({ digests }) => digests.includes(digest));
      return image && { image };
    }
    const wanted = nameWithTag(reference);
    const all = this.#store.all().flatMap((image) => image.names.map((name) => ({ image, name })));
    const found = all.find(({ name }) => name === wanted);
    const unavailable = this.#unavailable.get(wanted);
    if (found === undefined && unavailable !== undefined) throw unavailable;
    if (found !== undefined || this.#options.defaultRegistry !== undefined) return found;
    // Until that of the client is known: the docker command pulls by the full name, and then runs by the short one.
    const inAnyRegistry = all.filter(({ name }) => isShortFor(wanted, name));
    return inAnyRegistry.length === 1 ? inAnyRegistry[0] : undefined;
  }

  async #delete(image: StoredImage): Promise<Removal[]> {
    await this.#store.remove(image);
    for (const name of image.names) this.#tell('untag', image.id, name);
    this.#tell('delete', image.id, image.id);
    return [...[...image.names, ...image.digests].map((untagged) => ({ untagged })), { deleted: image.id }];
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

  #tell(action: string, id: string, about: string | Readonly<Record<string, string>>): void {
    const attributes = typeof about === 'string' ? { name: about } : about;
    this.#options.onEvent?.({ timeNs: BigInt(Date.now()) * 1_000_000n, type: 'image', action, id, attributes });
  }
}
