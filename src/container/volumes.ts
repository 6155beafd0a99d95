/**
 * @module Volumes: directories that outlive the containers that use them. The driver is Docker's `local`, with its
 * options: `type`, `device` and `o` are those of mount(8), as in `type=none,o=bind,device=/srv` or `type=tmpfs,…`.
 *
 * DATAROOT/volumes/NAME has the directory `_data` and a record; a volume is made beside and moved there by one rename,
 * so there is a whole one or none. A volume with options is mounted when it is first used and stays mounted.
 */

import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PontoonError } from '../errors.ts';
import { makeDirectories } from '../kernel/directory.ts';
import { KernelError } from '../kernel/error.ts';
import { detachMount, isMountPoint, MS_BIND, MS_REC, MS_REMOUNT, mount } from '../kernel/mounts.ts';
import { type HeldPath, RootDirectory } from '../kernel/root-directory.ts';
import { diskError } from './disk.ts';
import { runProgram } from './programs.ts';
import { sizeBelow } from './sizes.ts';
import { Turn } from './turn.ts';
import type { ContainerEvent, Volume } from './types.ts';

export interface VolumesOptions {
  readonly dataRoot: string;
  readonly onEvent?: ((event: ContainerEvent) => void) | undefined;
}

export interface VolumeSpec {
  /** Letters, digits, '_', '.', '-', at least two. Default: 64 hexadecimal digits. */
  readonly name?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** `type`, `device` and `o` of mount(8). */
  readonly options?: Readonly<Record<string, string>>;
  /** Made for a container. Default: where no name is given. */
  readonly anonymous?: boolean;
}

/** The IDs of the containers that use a volume. */
export type VolumeUsers = (name: string) => readonly string[];

type VolumeRecord = Omit<Volume, 'mountpoint'>;

const RECORD = 'volume.json';
/** In the volume while it is being filled: what a crash left half is done again. */
const FILLING = 'filling';
const OPTIONS = ['type', 'device', 'o'];

/** Opens the volumes of a data root; removes what a killed process left half made. @throws PontoonError store */
export async function openVolumes(options: VolumesOptions): Promise<Volumes> {
  const path = join(options.dataRoot, 'volumes');
  try {
    makeDirectories(path, 0o701);
    const volumes = new Map<string, VolumeRecord>();
    for (const name of await readdir(path)) {
      const record = join(path, name, RECORD);
      if (name.startsWith('.')) await rm(join(path, name), { recursive: true });
      else if (existsSync(record)) volumes.set(name, JSON.parse(readFileSync(record, 'utf8')) as VolumeRecord);
      // What has no record is none of ours, such as a file system's lost+found.
    }
    return new Volumes(path, volumes, options.onEvent);
  } catch (cause) {
    const message = `the volumes in ${path} cannot be read: ${(cause as Error).message}`;
    throw new PontoonError('store', message, { cause, subject: path });
  }
}

export class Volumes {
  readonly #path: string;
  readonly #volumes: Map<string, VolumeRecord>;
  readonly #onEvent: VolumesOptions['onEvent'];
  readonly #filling = new Map<string, Turn>();

  constructor(path: string, volumes: Map<string, VolumeRecord>, onEvent: VolumesOptions['onEvent']) {
    this.#path = path;
    this.#volumes = volumes;
    this.#onEvent = onEvent;
  }

  /** All volumes, by name. */
  list(): Volume[] {
    return [...this.#volumes.values()].map((record) => this.#show(record)).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** @throws PontoonError volume-not-found */
  find(name: string): Volume {
    return this.#show(this.#record(name));
  }

  /** Makes a volume; one of this name that is there is returned as it is. @throws PontoonError bad-name, bad-value, disk-full */
  async create(spec: VolumeSpec = {}): Promise<Volume> {
    const name = spec.name || randomBytes(32).toString('hex');
    checkName(name);
    const known = this.#volumes.get(name);
    if (known !== undefined) return this.#show(known);
    const options = spec.options ?? {};
    checkOptions(name, options);
    const record: VolumeRecord = {
      name,
      createdMs: Date.now(),
      labels: spec.labels ?? {},
      options,
      anonymous: spec.anonymous ?? !spec.name,
    };
    const unfinished = join(this.#path, `.${randomBytes(8).toString('hex')}`);
    try {
      makeDirectories(join(unfinished, '_data'), 0o755);
      chmodSync(unfinished, 0o701);
      chmodSync(join(unfinished, '_data'), 0o755); // the container's, whatever our umask is
      writeFileSync(join(unfinished, RECORD), JSON.stringify(record), { flush: true });
      renameSync(unfinished, join(this.#path, name));
    } catch (error) {
      rmSync(unfinished, { recursive: true, force: true });
      throw diskError(error, this.#path);
    }
    this.#volumes.set(name, record);
    this.#tell('create', name);
    return this.#show(record);
  }

  /** Makes the volume's directory ready for use, and returns it. @throws PontoonError volume-not-found; KernelError */
  mount(name: string): string {
    const record = this.#record(name);
    const { mountpoint } = this.#show(record);
    const { type = '', device = '', o = '' } = record.options;
    if (Object.keys(record.options).length > 0 && !isMountPoint(mountpoint)) {
      const { flags, data } = parseMountOptions(o);
      mount(device, mountpoint, type === 'none' ? '' : type, flags, data);
      // A bind mount takes no flags of its own until it is there.
      if ((flags & MS_BIND) !== 0) mount('', mountpoint, '', flags | MS_REMOUNT);
    }
    return mountpoint;
  }

  /**
   * Copies what a container's root has at `target` into the volume, if the volume is empty, with owners, modes and
   * times; the volume takes those of the directory too. `target` never leads out of `root`.
   * @throws PontoonError volume-not-found, disk-full
   */
  fill(name: string, from: { readonly root: string; readonly target: string }): Promise<void> {
    // Two containers may be made with it at once.
    const turn = this.#filling.get(name) ?? new Turn();
    this.#filling.set(name, turn);
    return turn.run(() => this.#fill(name, from));
  }

  async #fill(name: string, { root, target }: { readonly root: string; readonly target: string }): Promise<void> {
    const mountpoint = this.mount(name);
    const marker = join(this.#path, name, FILLING);
    if (existsSync(marker)) await empty(mountpoint);
    else if (readdirSync(mountpoint).length > 0) return;
    using inside = new RootDirectory(root);
    using source = holdDirectory(inside, target);
    if (source === undefined) return;
    writeFileSync(marker, '');
    try {
      await runProgram('cp', ['--archive', '--no-target-directory', '/proc/self/fd/0/.', mountpoint], {
        stdin: source.fd,
      });
    } catch (error) {
      await empty(mountpoint);
      throw error;
    } finally {
      rmSync(marker, { force: true });
    }
  }

  /** Removes a volume and what is in it. @throws PontoonError volume-not-found, volume-in-use */
  async remove(name: string, options: { readonly inUse?: VolumeUsers } = {}): Promise<void> {
    this.#record(name);
    const users = options.inUse?.(name) ?? [];
    if (users.length > 0) {
      const message = `remove ${name}: volume is in use - [${users.join(', ')}]`;
      throw new PontoonError('volume-in-use', message, { subject: name });
    }
    const { mountpoint } = this.find(name);
    while (isMountPoint(mountpoint)) detachMount(mountpoint);
    // Gone in one step; the removal of the content may take its time, or be cut short.
    const doomed = join(this.#path, `.${randomBytes(8).toString('hex')}`);
    renameSync(join(this.#path, name), doomed);
    this.#volumes.delete(name);
    this.#filling.delete(name);
    this.#tell('destroy', name);
    await rm(doomed, { recursive: true, force: true });
  }

  /** Removes volumes that no container uses: anonymous ones, or with `all` those with a name too. */
  async prune(options: {
    readonly inUse: VolumeUsers;
    readonly all?: boolean;
    readonly matches?: (volume: Volume) => boolean;
  }): Promise<{ removed: string[]; reclaimedBytes: number }> {
    const unused = this.list().filter(
      (volume) =>
        (options.all === true || volume.anonymous) &&
        (options.matches?.(volume) ?? true) &&
        options.inUse(volume.name).length === 0,
    );
    const removed: string[] = [];
    let reclaimedBytes = 0;
    for (const { name } of unused) {
      try {
        const bytes = await this.sizeBytes(name);
        await this.remove(name, options);
        removed.push(name);
        reclaimedBytes += bytes;
      } catch (error) {
        // Somebody has begun to use it, or removed it, meanwhile.
        if (!PontoonError.is(error, 'volume-in-use') && !PontoonError.is(error, 'volume-not-found')) throw error;
      }
    }
    this.#tell('prune', '', { reclaimed: String(reclaimedBytes) });
    return { removed, reclaimedBytes };
  }

  /** What is in a volume, in bytes; 0 for one that is a mount of something else. @throws PontoonError volume-not-found */
  async sizeBytes(name: string): Promise<number> {
    const { mountpoint } = this.find(name);
    return isMountPoint(mountpoint) ? 0 : sizeBelow(mountpoint);
  }

  #record(name: string): VolumeRecord {
    const record = this.#volumes.get(name);
    if (record !== undefined) return record;
    throw new PontoonError('volume-not-found', `get ${name}: no such volume`, { subject: name });
  }

  #show(record: VolumeRecord): Volume {
    return { ...record, mountpoint: join(this.#path, record.name, '_data') };
  }

  #tell(action: string, name: string, attributes: Record<string, string> = { driver: 'local' }): void {
    const timeNs = BigInt(Date.now()) * 1_000_000n;
    this.#onEvent?.({ timeNs, type: 'volume', action, id: name, attributes });
  }
}

function checkName(name: string): void {
  if (/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name) && name.length <= 255) return;
  throw new PontoonError(
    'bad-name',
    `create ${name}: "${name}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`,
    { subject: name },
  );
}

function checkOptions(name: string, options: Readonly<Record<string, string>>): void {
  const refuse = (why: string): PontoonError =>
    new PontoonError('bad-value', `create ${name}: ${why}`, { subject: name });
  const given = Object.keys(options);
  if (given.length === 0) return;
  const unknown = given.find((key) => !OPTIONS.includes(key));
  if (unknown !== undefined) throw refuse(`invalid option: "${unknown}"`);
  for (const key of ['device', 'type']) {
    if (!options[key]) throw refuse(`missing required option: "${key}"`);
  }
}

/** Options of mount(8) that are flags of mount(2); what is none is data for the file system. @see linux/mount.h */
const MOUNT_FLAGS: Readonly<Record<string, number>> = {
  defaults: 0,
  rw: 0,
  ro: 1,
  nosuid: 2,
  nodev: 4,
  noexec: 8,
  sync: 16,
  dirsync: 128,
  noatime: 1024,
  nodiratime: 2048,
  bind: MS_BIND,
  rbind: MS_BIND | MS_REC,
  relatime: 1 << 21,
  strictatime: 1 << 24,
};

function parseMountOptions(text: string): { flags: number; data: string } {
  const options = text.split(',').filter((option) => option !== '');
  return {
    flags: options.reduce((flags, option) => flags | (MOUNT_FLAGS[option] ?? 0), 0),
    data: options.filter((option) => MOUNT_FLAGS[option] === undefined).join(','),
  };
}

/** The directory at a path of a container; undefined where there is none, or something else. */
function holdDirectory(inside: RootDirectory, target: string): HeldPath | undefined {
  try {
    return inside.hold(`${target}/.`, { follow: true }); // the '.' is for directories only
  } catch (error) {
    if (!KernelError.isKernel(error, 'ENOENT', 'ENOTDIR')) throw error;
  }
  return undefined;
}

async function empty(directory: string): Promise<void> {
  for (const name of await readdir(directory)) await rm(join(directory, name), { recursive: true, force: true });
}
