/**
 * @module Writing a directory tree of a container into a tar. The container may change it meanwhile: everything is
 * reached through the open descriptor of its directory, so that no symbolic link leads elsewhere.
 */

import {
  closeSync,
  constants,
  createReadStream,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  type Stats,
  statSync,
} from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { Header, Pack } from 'tar-stream';
import type { HeldPath } from '../kernel/root-directory.ts';
import { deviceNumbers } from '../kernel/special-file.ts';

/** The first name of each file that has several. */
type Links = Map<string, string>;

/**
 * Adds what `directory` has under `file` to the tar, as `name`, with all that is in it. What goes away meanwhile is left
 * out. @throws Error of the file system
 */
export async function packFile(tar: Pack, directory: HeldPath, file: string, name: string, links: Links = new Map()) {
  const path = `${directory.path}/${file}`;
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (stat.isDirectory()) {
    using inside = directory.child(file);
    await packDirectory(tar, inside, name, links);
  } else if (stat.isSymbolicLink()) {
    tar.entry({ ...headerOf(stat, name), type: 'symlink', linkname: readlinkSync(path) });
  } else if (stat.isFile()) {
    const first = stat.nlink > 1 ? links.get(`${stat.dev}:${stat.ino}`) : undefined;
    if (first !== undefined) tar.entry({ ...headerOf(stat, name), type: 'link', linkname: first });
    else await packContent(tar, path, name);
    if (stat.nlink > 1) links.set(`${stat.dev}:${stat.ino}`, first ?? name);
  } else if (!stat.isSocket()) {
    const type = stat.isFIFO() ? 'fifo' : stat.isBlockDevice() ? 'block-device' : 'character-device';
    const { major: devmajor, minor: devminor } = deviceNumbers(stat);
    tar.entry({ ...headerOf(stat, name), devmajor, devminor, type });
  }
}

/** Adds a directory and what is in it; an empty name adds only what is in it. */
export async function packDirectory(
  tar: Pack,
  directory: HeldPath,
  name: string,
  links: Links = new Map(),
): Promise<void> {
  const stat = statSync(directory.path);
  const prefix = name === '' || name.endsWith('/') ? name : `${name}/`;
  if (name !== '') tar.entry({ ...headerOf(stat, prefix), type: 'directory' });
  if (!stat.isDirectory()) return; // replaced since it was looked at
  for (const file of readdirSync(directory.path).sort())
    await packFile(tar, directory, file, `${prefix}${file}`, links);
}

async function packContent(tar: Pack, path: string, name: string): Promise<void> {
  // A file that has become a fifo meanwhile must not make us wait.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) return;
    const header = { ...headerOf(stat, name), size: stat.size };
    if (stat.size === 0) tar.entry(header, '');
    // It may grow while it is read; the header has said how much is to come.
    else await pipeline(createReadStream('', { fd, autoClose: false, end: stat.size - 1 }), tar.entry(header));
  } finally {
    closeSync(fd);
  }
}

function headerOf({ mode, uid, gid, mtime }: Stats, name: string): Partial<Header> & Pick<Header, 'name'> {
  return { name, mode: mode & 0o7777, uid, gid, mtime };
}
