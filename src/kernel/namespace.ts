/**
 * @module Network namespaces: create, pin to a path, open, enter for one synchronous step, delete.
 *
 * setns(2) acts on one thread. So a step inside a namespace is one synchronous function: it may open sockets (which
 * stay in that namespace for life) and must not await, spawn or touch the thread pool, because a thread born there
 * would stay there. A pin is a bind mount of the namespace on a file; it keeps the namespace alive without a process.
 */

import { closeSync, fstatSync, openSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { PontoonError } from '../errors.ts';
import { makeDirectories } from './directory.ts';
import { KernelError } from './error.ts';
import * as ffi from './ffi.ts';

const THREAD_NAMESPACE = '/proc/thread-self/ns/net';
const NSFS_MAGIC_MAJOR = 0;

/** The namespace that the thread is in now, to which a step returns; undefined before the first one. */
let here: number | undefined;

export class NetworkNamespace implements Disposable {
  #fd: number;
  /** The inode of the namespace: its identity, as `ip netns`, lsns and /proc/PID/ns/net show it. */
  readonly inode: number;

  private constructor(fd: number) {
    this.#fd = fd;
    this.inode = fstatSync(fd).ino;
  }

  /** The open descriptor; -1 when disposed of, so that its number, used again, never leads somewhere else. */
  get fd(): number {
    return this.#fd;
  }

  /** The namespace of the calling thread. */
  static current(): NetworkNamespace {
    return new NetworkNamespace(openSync(THREAD_NAMESPACE, 'r'));
  }

  /** The namespace that a path such as /run/netns/NAME or /proc/PID/ns/net leads to. @throws PontoonError namespace-not-found */
  static open(path: string): NetworkNamespace {
    let fd: number;
    try {
      fd = openSync(path, 'r');
    } catch (cause) {
      throw new PontoonError(
        'namespace-not-found',
        `no network namespace at ${path}: give the path of one, such as /run/netns/NAME`,
        {
          cause,
          subject: path,
        },
      );
    }
    try {
      // setns with the right type is the kernel's own test; going where we are changes nothing else.
      return new NetworkNamespace(fd).#verified(path);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** The namespace of a process. @throws PontoonError namespace-not-found */
  static ofProcess(pid: number): NetworkNamespace {
    try {
      return NetworkNamespace.open(`/proc/${pid}/ns/net`);
    } catch (cause) {
      throw new PontoonError('namespace-not-found', `no process ${pid}: give the number of a running process`, {
        cause,
        subject: String(pid),
      });
    }
  }

  /** A new namespace, pinned at `path` (the file must not exist yet). @throws KernelError; nothing is left behind */
  static create(path: string): NetworkNamespace {
    makePin(path);
    try {
      return inScratchNamespace(() => {
        ffi.mount(THREAD_NAMESPACE, path, '', ffi.MS_BIND);
        return NetworkNamespace.current();
      });
    } catch (error) {
      NetworkNamespace.unpin(path);
      throw error;
    }
  }

  /** Pins this namespace at `path` as well (the file must not exist yet). @throws KernelError; nothing is left behind */
  pin(path: string): void {
    makePin(path);
    try {
      ffi.mount(`/proc/thread-self/fd/${this.fd}`, path, '', ffi.MS_BIND);
    } catch (error) {
      NetworkNamespace.unpin(path);
      throw error;
    }
  }

  /** Takes the pin away; the kernel deletes the namespace when nothing else holds it. A path that is no pin is only unlinked. */
  static unpin(path: string): void {
    try {
      ffi.umount(path, ffi.MNT_DETACH);
    } catch (error) {
      if (!KernelError.isKernel(error, 'EINVAL', 'ENOENT')) throw error;
    }
    try {
      unlinkSync(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }

  [Symbol.dispose](): void {
    if (this.#fd < 0) return;
    closeSync(this.#fd);
    this.#fd = -1;
  }

  /** Runs one synchronous step inside the namespace. @throws KernelError, and whatever the step throws */
  enter<T>(step: () => T): T {
    here ??= openSync(THREAD_NAMESPACE, 'r');
    const outer = here;
    try {
      ffi.setns(this.fd, ffi.CLONE_NEWNET);
      here = this.fd;
      return step();
    } finally {
      here = outer;
      ffi.setns(outer, ffi.CLONE_NEWNET);
    }
  }

  #verified(path: string): this {
    if (fstatSync(this.fd).dev >> 8 !== NSFS_MAGIC_MAJOR) throw notANamespace(path);
    try {
      this.enter(() => {});
    } catch (error) {
      if (KernelError.isKernel(error, 'EINVAL')) throw notANamespace(path);
      throw error;
    }
    return this;
  }
}

/** The empty file that a namespace is mounted on. */
function makePin(path: string): void {
  try {
    writeFileSync(path, '', { flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    makeDirectories(dirname(path));
    writeFileSync(path, '', { flag: 'wx' });
  }
}

function notANamespace(path: string): PontoonError {
  return new PontoonError(
    'namespace-not-found',
    `${path} is not a network namespace: give a path such as /run/netns/NAME`,
    {
      subject: path,
    },
  );
}

/**
 * Runs one synchronous step in a new namespace, which is gone afterwards unless the step pins or keeps it.
 * @throws KernelError, and whatever the step throws
 */
export function inScratchNamespace<T>(step: () => T): T {
  here ??= openSync(THREAD_NAMESPACE, 'r');
  const outer = here;
  ffi.unshare(ffi.CLONE_NEWNET);
  try {
    here = openSync(THREAD_NAMESPACE, 'r');
    try {
      return step();
    } finally {
      closeSync(here);
    }
  } finally {
    here = outer;
    ffi.setns(outer, ffi.CLONE_NEWNET);
  }
}
