/**
 * @module The root of a container: one overlayfs mount, with what the container wrote over its image's unpacked root.
 *
 * What a container wrote is in DATAROOT/roots/ID and stays while it is stopped; the mount itself is below RUNROOT, which
 * a reboot clears. Every function may be repeated: after a crash nobody knows how far the last one came.
 *
 * Where the image's root contains DATAROOT itself (pontoon/host, whose root is this host's), overlayfs refuses to write
 * there: then the writes go to a tmpfs, in memory, and are gone when the host restarts.
 */

import { chmodSync, lstatSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { PontoonError } from '../errors.ts';
import { makeDirectories } from '../kernel/directory.ts';
import { KernelError } from '../kernel/error.ts';
import { detachMount, mount } from '../kernel/mounts.ts';
import { isOpaque, isWhiteout, mountOverlay, splitOverlayPaths } from '../kernel/overlayfs.ts';
import { diskError } from './disk.ts';
import { removeTree } from './remove-tree.ts';
import type { Change, Container } from './types.ts';

export interface RootOptions {
  /** The container's ID. */
  readonly id: string;
  readonly dataRoot: string;
  readonly runRoot: string;
}

export type RootPaths = Pick<Container['paths'], 'upper' | 'work' | 'merged' | 'lower'>;

/**
 * Mounts a container's root, unless it is mounted. `lower` is what Images.root() says.
 * @throws KernelError; PontoonError disk-full; feature-missing where overlayfs cannot write to the file system of DATAROOT
 */
export function mountRoot({ id, lower, dataRoot, runRoot }: RootOptions & { readonly lower: string }): RootPaths {
  const merged = mergedPath(runRoot, id);
  const onDisk: RootPaths = { ...layerPaths(join(dataRoot, 'roots', id)), merged, lower };
  const inMemory: RootPaths = { ...layerPaths(join(memoryPath(runRoot), 'roots', id)), merged, lower };
  if (isMounted(merged)) return exists(inMemory.upper) ? inMemory : onDisk;
  makeDirectories(merged, 0o700);
  try {
    return mountLayers(onDisk);
  } catch (error) {
    if (!KernelError.isKernel(error, 'ELOOP')) throw error;
  }
  rmSync(join(dataRoot, 'roots', id), { recursive: true, force: true });
  mountMemory(runRoot);
  return mountLayers(inMemory);
}

/** Where a container's root is, or would be; its lower directory is the image's business. */
export function rootPaths({ id, dataRoot, runRoot }: RootOptions): Omit<RootPaths, 'lower'> {
  const merged = mergedPath(runRoot, id);
  const inMemory = layerPaths(join(memoryPath(runRoot), 'roots', id));
  return { ...(exists(inMemory.upper) ? inMemory : layerPaths(join(dataRoot, 'roots', id))), merged };
}

/** Takes the mount away; processes that still have files open in it keep them. @throws KernelError */
export function unmountRoot({ id, runRoot }: Pick<RootOptions, 'id' | 'runRoot'>): void {
  const merged = mergedPath(runRoot, id);
  detachMount(merged);
  // Not recursive: were something still mounted there, it would be emptied.
  if (exists(merged)) rmdirSync(merged);
}

/** Removes what the container wrote, and the mount where it is still there. @throws KernelError; Error of rm */
export async function removeRoot({ id, dataRoot, runRoot }: RootOptions): Promise<void> {
  unmountRoot({ id, runRoot });
  for (const path of [join(dataRoot, 'roots', id), join(memoryPath(runRoot), 'roots', id)]) await removeTree(path);
}

/** A tmpfs of our own, for what must not be on the file system of the host's root. Returns its path. @throws KernelError */
export function mountMemory(runRoot: string): string {
  const path = memoryPath(runRoot);
  makeDirectories(path, 0o700);
  if (!isMounted(path)) mount('pontoon', path, 'tmpfs', 0, 'mode=700');
  return path;
}

/**
 * What a container changed, sorted by path: `docker diff`. A directory is 'modified' when something in it is.
 * `ignore` has paths that are left out, with what is below them: the mount points that the runtime made.
 */
export async function changes(
  { upper, lower }: Pick<RootPaths, 'upper' | 'lower'>,
  ignore: readonly string[] = [],
): Promise<Change[]> {
  const lowers = splitOverlayPaths(lower);
  const ignored = new Set(ignore);
  const found: Change[] = [];
  const walk = async (directory: string, below: readonly string[]): Promise<boolean> => {
    await nextTurn(); // others have their turn, however large the tree is
    let changed = false;
    const names = new Set(namesIn(join(upper, directory)));
    for (const name of [...names].sort()) {
      const path = join(directory, name);
      if (ignored.has(path)) continue;
      const stat = lstatSync(join(upper, path));
      const old = lookup(below, path);
      if (isWhiteout(stat)) {
        if (old !== undefined) found.push({ path, kind: 'deleted' });
        changed ||= old !== undefined;
        continue;
      }
      const at = found.length;
      found.push({ path, kind: old === undefined ? 'added' : 'modified' });
      const isMerged = stat.isDirectory() && old?.isDirectory() === true;
      let differs = true;
      if (stat.isDirectory()) {
        const hides = isOpaque(join(upper, path));
        const inside = await walk(path, hides || !isMerged ? [] : below);
        const gone = hides && isMerged ? removedFrom(path, below) : [];
        found.push(...gone);
        // Not by its time, which the runtime changes where it makes mount points.
        const isSame = stat.mode === old?.mode && stat.uid === old.uid && stat.gid === old.gid;
        differs = inside || gone.length > 0 || !isMerged || !isSame;
      }
      // Copied up, but the same as before.
      if (!differs) found.splice(at, 1);
      changed ||= differs;
    }
    return changed;
  };
  const removedFrom = (directory: string, below: readonly string[]): Change[] =>
    [...new Set(below.flatMap((layer) => namesIn(join(layer, directory))))]
      .filter((name) => !exists(join(upper, directory, name)))
      .map((name) => ({ path: join(directory, name), kind: 'deleted' }));
  await walk('/', lowers);
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** What the topmost of these layers that knows the path has there; undefined where nothing shows. */
function lookup(layers: readonly string[], path: string): ReturnType<typeof lstatSync> | undefined {
  for (const layer of layers) {
    const stat = lstatSync(join(layer, path), { throwIfNoEntry: false });
    if (stat !== undefined) return isWhiteout(stat) ? undefined : stat;
    if (hidesBelow(layer, path)) return undefined;
  }
  return undefined;
}

/** True where a parent of the path is opaque in this layer. */
function hidesBelow(layer: string, path: string): boolean {
  const parts = path.split('/').filter((part) => part !== '');
  return parts.some((_, at) => {
    const parent = join(layer, ...parts.slice(0, at));
    return at > 0 && lstatSync(parent, { throwIfNoEntry: false })?.isDirectory() === true && isOpaque(parent);
  });
}

function mountLayers(paths: RootPaths): RootPaths {
  try {
    for (const path of [paths.upper, paths.work]) makeDirectories(path, 0o755);
    chmodSync(paths.upper, 0o755); // it is the container's '/', whatever our umask is
  } catch (cause) {
    throw diskError(cause, paths.upper);
  }
  try {
    mountOverlay(paths, paths.merged);
  } catch (cause) {
    if (!KernelError.isKernel(cause, 'EINVAL')) throw cause;
    const advice = 'put the data root on ext4, xfs, btrfs or a tmpfs (--data-root)';
    const message = `overlayfs cannot write to the file system of ${paths.upper}: ${advice}`;
    throw new PontoonError('feature-missing', message, { cause, subject: paths.upper });
  }
  return paths;
}

function layerPaths(directory: string): Pick<RootPaths, 'upper' | 'work'> {
  return { upper: join(directory, 'upper'), work: join(directory, 'work') };
}

function mergedPath(runRoot: string, id: string): string {
  return join(runRoot, 'roots', id);
}

function memoryPath(runRoot: string): string {
  return join(runRoot, 'memory');
}

/** A mount has a device number of its own. */
function isMounted(path: string): boolean {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat !== undefined && stat.dev !== lstatSync(dirname(path)).dev;
}

function namesIn(directory: string): string[] {
  return lstatSync(directory, { throwIfNoEntry: false })?.isDirectory() === true ? readdirSync(directory) : [];
}

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
