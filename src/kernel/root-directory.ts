/**
 * @module A directory as somebody else's root: paths are walked as its owner would, and never lead out of it.
 *
 * '/', '..' and symbolic links stay inside, whatever the owner changes meanwhile: the kernel walks the path in one call
 * (openat2 with RESOLVE_IN_ROOT). What it finds is held by a descriptor, whose name in /proc/self/fd serves as a path
 * that nobody can bend any more.
 * @see openat2(2), Linux 5.6
 */

import { closeSync, constants, mkdirSync, openSync } from 'node:fs';
import { posix } from 'node:path';
import { KernelError } from './error.ts';
import { close, O_PATH, openInRoot } from './ffi.ts';

/** A file or directory of somebody's root that stays what it is; it ends with the scope. */
export class HeldPath implements Disposable {
  /** An O_PATH descriptor. */
  readonly fd: number;

  constructor(fd: number) {
    this.fd = fd;
  }

  [Symbol.dispose](): void {
    close(this.fd);
  }

  /** Leads to the very file. Join a name to a directory's to reach what is directly in it, without following links. */
  get path(): string {
    return `/proc/self/fd/${this.fd}`;
  }

  /** Holds what a directory has under this name (no path); a symbolic link is held itself. @throws Error of open(2) */
  child(name: string): HeldPath {
    return new HeldPath(openSync(`${this.path}/${name}`, O_PATH | constants.O_NOFOLLOW));
  }
}

export class RootDirectory implements Disposable {
  readonly #fd: number;

  /** `path` is a path of ours, such as a mount point or /proc/PID/root. @throws Error of open(2) */
  constructor(path: string) {
    this.#fd = openSync(path, O_PATH | constants.O_DIRECTORY);
  }

  [Symbol.dispose](): void {
    close(this.#fd);
  }

  /** Holds a directory, or a file; an empty one is made where it is missing, with the directories above it. @throws KernelError; Error of mkdir(2), open(2) */
  holdMade(path: string, kind: 'directory' | 'file' = 'directory'): HeldPath {
    try {
      return this.hold(path, { follow: true });
    } catch (error) {
      if (!KernelError.isKernel(error, 'ENOENT')) throw error;
    }
    {
      using parent = this.holdMade(posix.dirname(path));
      const made = `${parent.path}/${posix.basename(path)}`;
      if (kind === 'directory') mkdirSync(made, { mode: 0o755 });
      else closeSync(openSync(made, constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o644));
    }
    return this.hold(path, { follow: true });
  }

  /** Holds what a path inside means; a symbolic link at its end is followed, or not. @throws KernelError (ENOENT, …) */
  hold(path: string, options: { follow: boolean }): HeldPath {
    const flags = O_PATH | (options.follow ? 0 : constants.O_NOFOLLOW);
    return new HeldPath(openInRoot(this.#fd, path || '/', flags));
  }
}
