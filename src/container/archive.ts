/**
 * @module Files into and out of a container, as `docker cp` and `docker export` have them: as tars.
 *
 * A container changes its files while we read or write them, and may mean ill: what is a directory when it is checked
 * can be a symbolic link to the host's /etc a moment later. So paths are walked by RootDirectory, which never leaves
 * the root, and everything else goes through open descriptors.
 *
 * `root` is where the container's root is seen: its mount, or /proc/PID/root, which has its volumes too.
 * Limits: extended attributes are not carried, and sockets are left out.
 */

import { lstatSync, readlinkSync, statSync } from 'node:fs';
import { posix } from 'node:path';
import { Readable } from 'node:stream';
import { type Pack, pack } from 'tar-stream';
import { PontoonError } from '../errors.ts';
import { KernelError } from '../kernel/error.ts';
import { type HeldPath, RootDirectory } from '../kernel/root-directory.ts';
import { diskError } from './disk.ts';
import { readTar } from './tar.ts';
import { Extraction, type ExtractOptions } from './tar-in.ts';
import { packDirectory, packFile } from './tar-out.ts';
import type { PathStat } from './types.ts';

export type { ExtractOptions } from './tar-in.ts';

/** Of one file; a symbolic link is told of itself, unless the path ends in '/' or '/.'. @throws PontoonError path-not-found */
export function statPath(root: string, path: string): PathStat {
  using inside = new RootDirectory(root);
  const { directory, name, shownName } = locate(inside, path);
  using _ = directory;
  const file = `${directory.path}/${name}`;
  const stat = lstatSync(file, { throwIfNoEntry: false });
  if (stat === undefined) throw notFound(path);
  return {
    name: shownName,
    sizeBytes: stat.size,
    mode: stat.mode,
    modifiedMs: stat.mtimeMs,
    linkTarget: stat.isSymbolicLink() ? posix.resolve('/', posix.dirname(path), readlinkSync(file)) : '',
  };
}

/** A tar of a file or a directory; names in it begin with the last part of `path`. @throws PontoonError path-not-found */
export function readArchive(root: string, path: string): Readable {
  return tarStream(root, (inside) => {
    const { directory, name, shownName } = locate(inside, path);
    if (lstatSync(`${directory.path}/${name}`, { throwIfNoEntry: false }) === undefined) {
      directory[Symbol.dispose]();
      throw notFound(path);
    }
    return {
      held: directory,
      write: (tar) =>
        name === '.' ? packDirectory(tar, directory, shownName) : packFile(tar, directory, name, shownName),
    };
  });
}

/** A tar of the whole root, names without a leading slash: `docker export`. */
export function readRoot(root: string): Readable {
  return tarStream(root, (inside) => {
    const held = inside.hold('/', { follow: true });
    return { held, write: (tar) => packDirectory(tar, held, '') };
  });
}

/**
 * Extracts a tar into a directory; what it replaces is gone, what it does not name stays.
 * @throws PontoonError path-not-found; bad-value where `path` is no directory; bad-image for a damaged tar; disk-full
 */
export async function writeArchive(
  root: string,
  path: string,
  tar: Readable,
  options: ExtractOptions = {},
): Promise<void> {
  using inside = new RootDirectory(root);
  const target = posix.resolve('/', path);
  using directory = holdExisting(inside, target, path);
  if (!statSync(directory.path).isDirectory()) {
    throw new PontoonError('bad-value', `extraction point is not a directory: ${path}`, { subject: path });
  }
  const extraction = new Extraction(inside, target, options);
  try {
    await readTar(tar, (header, content) => extraction.take(header, content));
    extraction.finish();
  } catch (error) {
    throw diskError(error, path);
  }
}

interface Location {
  /** The directory that the file is in; the file's name in it, '.' for the directory itself. */
  readonly directory: HeldPath;
  readonly name: string;
  /** What the file is called towards the caller. */
  readonly shownName: string;
}

/** Finds a file as Docker does: symbolic links on the way are followed, one at the end only before '/' or '/.'. */
function locate(inside: RootDirectory, path: string): Location {
  const clean = posix.resolve('/', path);
  const itself = /\/\.?$/.test(path) || clean === '/';
  // The '.' is for directories only.
  const directory = holdExisting(inside, `${itself ? clean : posix.dirname(clean)}/.`, path);
  const shownName = path.endsWith('/.') ? '.' : clean === '/' ? '/' : posix.basename(clean);
  return { directory, name: itself ? '.' : posix.basename(clean), shownName };
}

function holdExisting(inside: RootDirectory, path: string, shown: string): HeldPath {
  try {
    return inside.hold(path, { follow: true });
  } catch (error) {
    if (KernelError.isKernel(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) throw notFound(shown, error);
    throw error;
  }
}

function notFound(path: string, cause?: unknown): PontoonError {
  return new PontoonError('path-not-found', `Could not find the file ${path}`, { cause, subject: path });
}

/** A tar that is written while it is read. What cannot be found is thrown before it begins. */
function tarStream(
  root: string,
  begin: (inside: RootDirectory) => { readonly held: Disposable; readonly write: (tar: Pack) => Promise<void> },
): Readable {
  const { held, write } = (() => {
    using inside = new RootDirectory(root);
    return begin(inside);
  })();
  const tar = pack();
  const written = write(tar).finally(() => held[Symbol.dispose]());
  written.then(
    () => tar.finalize(),
    (error: unknown) => tar.destroy(error as Error),
  );
  return Readable.from(tar);
}
