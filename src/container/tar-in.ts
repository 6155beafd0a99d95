/**
 * @module Extracting a tar into a directory of a container. Both may mean ill: names are taken as paths below the
 * directory, walked inside the container's root, and what is made is changed through its open descriptor.
 */

import {
  chmodSync,
  chownSync,
  constants,
  createWriteStream,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
} from 'node:fs';
import { posix } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Header } from 'tar-stream';
import { PontoonError } from '../errors.ts';
import type { HeldPath, RootDirectory } from '../kernel/root-directory.ts';
import { makeSpecialFile } from '../kernel/special-file.ts';

export interface ExtractOptions {
  /** Refuse to put a file where a directory is, or a directory where a file is. Default: it is replaced. */
  readonly noOverwriteDirNonDir?: boolean;
  /** Everything belongs to them. Default: to the numbers in the tar. */
  readonly owner?: { readonly uid: number; readonly gid: number };
}

/** One tar on its way into `target`, a directory's path in the container. */
export class Extraction {
  readonly #root: RootDirectory;
  readonly #target: string;
  readonly #options: ExtractOptions;
  /** What is written into a directory changes its time: they are set at the end. */
  readonly #times = new Map<string, Date>();

  constructor(root: RootDirectory, target: string, options: ExtractOptions) {
    this.#root = root;
    this.#target = target;
    this.#options = options;
  }

  /** Puts one entry in place. @throws PontoonError bad-value; KernelError; Error of the file system */
  async take(header: Header, content: AsyncIterable<unknown> & { resume(): unknown }): Promise<void> {
    const path = posix.resolve('/', header.name);
    using directory = this.#directory(posix.dirname(path));
    const name = posix.basename(path) || '.';
    const isDirectory = header.type === 'directory';
    if (name !== '.') this.#makeRoom(directory, name, header);
    else if (!isDirectory)
      throw new PontoonError('bad-value', `the archive has a file without a name: "${header.name}"`);
    if (header.type === 'file' || header.type === 'contiguous-file')
      await writeFile(`${directory.path}/${name}`, content);
    else {
      content.resume();
      this.#make(`${directory.path}/${name}`, header);
    }
    this.#setAttributes(directory, name, header);
    if (isDirectory) this.#times.set(path, header.mtime);
  }

  /** Sets what can only be set when all is there. */
  finish(): void {
    for (const [path, mtime] of this.#times) {
      using held = this.#root.hold(posix.join(this.#target, path), { follow: false });
      utimesSync(held.path, mtime, mtime);
    }
  }

  #make(path: string, { type, linkname, devmajor, devminor }: Header): void {
    if (type === 'directory') {
      if (lstatSync(path, { throwIfNoEntry: false }) === undefined) mkdirSync(path);
    } else if (type === 'symlink') symlinkSync(linkname, path);
    else if (type === 'link') {
      // Hard links name other entries of the tar.
      const first = posix.resolve('/', linkname);
      using directory = this.#directory(posix.dirname(first));
      linkSync(`${directory.path}/${posix.basename(first)}`, path);
    } else if (type === 'fifo' || type === 'character-device' || type === 'block-device') {
      makeSpecialFile(path, type, devmajor, devminor);
    }
  }

  #setAttributes(directory: HeldPath, name: string, { type, uid, gid, mode, mtime }: Header): void {
    const path = `${directory.path}/${name}`;
    if (type === 'link' || lstatSync(path, { throwIfNoEntry: false }) === undefined) return; // nothing new was made
    const owner = this.#options.owner ?? { uid, gid };
    using held = directory.child(name);
    if (type === 'symlink') {
      lutimesSync(path, mtime, mtime);
      chownSync(held.path, owner.uid, owner.gid);
      return;
    }
    // The owner first: a change of it takes the set-user-ID bit away.
    chownSync(held.path, owner.uid, owner.gid);
    chmodSync(held.path, mode & 0o7777);
    utimesSync(held.path, mtime, mtime);
  }

  /** Takes away what is in the way of an entry. @throws PontoonError bad-value, in Docker's words */
  #makeRoom(directory: HeldPath, name: string, header: Header): void {
    const there = lstatSync(`${directory.path}/${name}`, { throwIfNoEntry: false });
    if (there === undefined) return;
    const isDirectory = header.type === 'directory';
    if (there.isDirectory() && isDirectory) return;
    if (this.#options.noOverwriteDirNonDir === true && there.isDirectory() !== isDirectory) {
      const path = posix.join(this.#target, header.name);
      throw new PontoonError(
        'bad-value',
        isDirectory
          ? `cannot overwrite non-directory "${path}" with directory "${header.name}"`
          : `cannot overwrite directory "${path}" with non-directory "${header.name}"`,
        { subject: path },
      );
    }
    removeTree(directory, name);
  }

  #directory(path: string): HeldPath {
    return this.#root.holdMade(posix.join(this.#target, path));
  }
}

async function writeFile(path: string, content: AsyncIterable<unknown>): Promise<void> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const fd = openSync(path, flags, 0o600);
  await pipeline(Readable.from(content), createWriteStream('', { fd }));
}

/** Like rm -r, but a directory that is swapped for a link meanwhile leads nowhere. */
function removeTree(directory: HeldPath, name: string): void {
  const path = `${directory.path}/${name}`;
  if (!lstatSync(path).isDirectory()) {
    unlinkSync(path);
    return;
  }
  {
    using inside = directory.child(name);
    for (const file of readdirSync(inside.path)) removeTree(inside, file);
  }
  rmdirSync(path);
}
