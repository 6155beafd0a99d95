/**
 * @module Files into and out of a container: `docker cp`, `docker export`.
 *
 * A running one is looked at through its own mount namespace, so that volumes and tmpfs are there. The root of another
 * one is mounted for as long as it is used; it cannot be started meanwhile.
 */

import { once } from 'node:events';
import { posix } from 'node:path';
import type { Readable } from 'node:stream';
import { PontoonError } from '../errors.ts';
import { type ExtractOptions, readArchive, readRoot, statPath, writeArchive } from './archive.ts';
import { mountRootOf } from './bring-up.ts';
import { type Context, emit } from './context.ts';
import type { Entry } from './entry.ts';
import { hasProcess } from './record.ts';
import { rootPaths, unmountRoot } from './rootfs.ts';
import type { PathStat } from './types.ts';
import { mountsWithSources } from './view.ts';

/** @throws PontoonError path-not-found */
export function statIn(context: Context, entry: Entry, path: string): Promise<PathStat> {
  return withRoot(context, entry, path, (root, inner) => statPath(root, inner));
}

/** A tar of what is at the path. @throws PontoonError path-not-found */
export async function copyOut(context: Context, entry: Entry, path: string): Promise<Readable> {
  const stream = await streamFrom(context, entry, path, readArchive);
  emit(context, entry, 'archive-path', { path });
  return stream;
}

/** Unpacks a tar in the directory at the path. @throws PontoonError path-not-found, … */
export async function copyIn(
  context: Context,
  entry: Entry,
  path: string,
  tar: Readable,
  options: ExtractOptions = {},
): Promise<void> {
  try {
    await withRoot(context, entry, path, (root, inner) => writeArchive(root, inner, tar, options));
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
    : await streamFrom(context, entry, '/', (root) => readRoot(root));
  emit(context, entry, 'export');
  return stream;
}

/** Uses a root for as long as its stream is open. */
function streamFrom(
  context: Context,
  entry: Entry,
  path: string,
  open: (root: string, path: string) => Readable,
): Promise<Readable> {
  return new Promise((resolve, reject) => {
    withRoot(context, entry, path, async (root, inner) => {
      const stream = open(root, inner);
      const closed = once(stream, 'close');
      resolve(stream);
      await closed;
    }).catch(reject);
  });
}

async function withRoot<T>(
  context: Context,
  entry: Entry,
  path: string,
  use: (root: string, path: string) => T | Promise<T>,
): Promise<T> {
  const running = entry.process;
  if (running !== undefined) return use(`/proc/${running.pid}/root`, path);
  return entry.turn.run(async () => {
    if (entry.process !== undefined) return use(`/proc/${entry.process.pid}/root`, path);
    const { merged } = await mountRootOf(context, entry);
    try {
      return await use(...insideMount(context, entry, merged, path));
    } finally {
      unmountRoot({ id: entry.id, ...context.paths.roots });
    }
  });
}

/** Nothing is mounted in the root of a container that does not run: what is in a volume is found where that is. */
function insideMount(context: Context, entry: Entry, root: string, path: string): [root: string, path: string] {
  const wanted = posix.resolve('/', path);
  const mount = mountsWithSources(context, entry).findLast(
    ({ source, target }) => source !== '' && `${wanted}/`.startsWith(`${target}/`),
  );
  if (mount === undefined) return [root, path];
  return [mount.source, `/${posix.relative(mount.target, wanted)}${/\/\.?$/.test(path) ? '/.' : ''}`];
}
