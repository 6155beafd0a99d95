/**
 * @module Files into and out of a container: `docker cp`, `docker export`.
 *
 * A running one is looked at through its own mount namespace, so that volumes and tmpfs are there. The root of another
 * one is mounted, with its volumes, for as long as it is used; it cannot be started meanwhile.
 */

import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { PontoonError } from '../errors.ts';
import { processStat } from '../kernel/pidfd.ts';
import { type HeldPath, RootDirectory } from '../kernel/root-directory.ts';
import { type ExtractOptions, readArchive, readRoot, statPath, writeArchive } from './archive.ts';
import { mountRootOf } from './bring-up.ts';
import { type Context, emit, wrongState } from './context.ts';
import type { Entry } from './entry.ts';
import { mountInside } from './mounts-inside.ts';
import { hasProcess } from './record.ts';
import { rootPaths, unmountRoot } from './rootfs.ts';
import { resolveUser } from './runtime/index.ts';
import type { PathStat } from './types.ts';
import { mountVolumes } from './volume-contents.ts';

/** @throws PontoonError path-not-found */
export function statIn(context: Context, entry: Entry, path: string): Promise<PathStat> {
  return withRoot(context, entry, (root) => statPath(root, path));
}

/** A tar of what is at the path. @throws PontoonError path-not-found */
export async function copyOut(context: Context, entry: Entry, path: string): Promise<Readable> {
  const stream = await streamFrom(context, entry, (root) => readArchive(root, path));
  emit(context, entry, 'archive-path', { path });
  return stream;
}

export interface CopyInOptions extends Pick<ExtractOptions, 'noOverwriteDirNonDir'> {
  /** Everything belongs to the container's user. Default: to the numbers in the tar. */
  readonly ownedByUser?: boolean;
}

/** Unpacks a tar in the directory at the path. @throws PontoonError path-not-found, … */
export async function copyIn(
  context: Context,
  entry: Entry,
  path: string,
  tar: Readable,
  { ownedByUser, ...options }: CopyInOptions = {},
): Promise<void> {
  const { user, groups } = entry.record.spec;
  const ownerIn = (root: string) => (ownedByUser && user !== '' ? { owner: resolveUser(root, user, groups) } : {});
  try {
    await withRoot(context, entry, (root) => writeArchive(root, path, tar, { ...options, ...ownerIn(root) }));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EROFS') throw error;
    const message = `${path} of container ${entry.record.name} is marked read-only: copy to a place that can be written`;
    throw new PontoonError('mode-conflict', message, { cause: error, subject: path });
  }
  emit(context, entry, 'extract-to-dir', { path });
}

/** A tar of the whole root, without what is mounted in it. */
export async function exportRoot(context: Context, entry: Entry): Promise<Readable> {
  const { merged } = rootPaths({ id: entry.id, ...context.paths.roots });
  const stream = hasProcess(entry.record)
    ? readRoot(merged)
    : await streamFrom(context, entry, readRoot, { mounts: false });
  emit(context, entry, 'export');
  return stream;
}

/** Uses a root for as long as its stream is open. */
function streamFrom(
  context: Context,
  entry: Entry,
  open: (root: string) => Readable,
  options?: RootUse,
): Promise<Readable> {
  return new Promise((resolve, reject) => {
    const use = async (root: string): Promise<void> => {
      const stream = open(root);
      const closed = once(stream, 'close');
      resolve(stream);
      await closed;
    };
    withRoot(context, entry, use, options).catch(reject);
  });
}

interface RootUse {
  /** Whether one that does not run has its volumes there. Default: true. */
  readonly mounts?: boolean;
}

async function withRoot<T>(
  context: Context,
  entry: Entry,
  use: (root: string) => T | Promise<T>,
  { mounts = true }: RootUse = {},
): Promise<T> {
  {
    using root = rootOfProcess(entry);
    if (root !== undefined) return await use(root.path);
  }
  return entry.turn.run(async () => {
    using root = rootOfProcess(entry);
    if (root !== undefined) return await use(root.path);
    if (entry.process !== undefined) throw wrongState(entry, `Container ${entry.id} is ending`);
    const { merged } = await mountRootOf(context, entry);
    try {
      if (mounts) {
        mountInside(merged, await mountVolumes(context, entry), { readOnly: entry.record.spec.readOnlyRoot === true });
      }
      return await use(merged);
    } finally {
      unmountRoot({ id: entry.id, ...context.paths.roots });
    }
  });
}

/** The root as the container's process sees it; undefined where that has ended, whosever its number is by now. */
function rootOfProcess({ process }: Entry): HeldPath | undefined {
  if (process === undefined) return undefined;
  try {
    using root = new RootDirectory(`/proc/${process.pid}/root`);
    if (processStat(process.pid)?.parent !== process.conmonPid) return undefined;
    return root.hold('/', { follow: true });
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}
