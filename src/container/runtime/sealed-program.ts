/**
 * @module A program's copy in memory, sealed so that nobody can change it.
 *
 * crun and runc do not let a container reach their own file (CVE-2019-5736): each time that they start, they copy
 * themselves into such a file and start again from there, a third of what it costs to start them. One that runs from a
 * sealed copy already sees it, and does not.
 * @see crun, src/libcrun/cloned_binary.c: is_self_cloned
 */

import { accessSync, closeSync, constants, copyFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { createMemoryFile, sealFile } from '../../kernel/memory-file.ts';

/** A program of another name may be one that goes by its name. */
const SEALED = ['crun', 'runc'];

export class SealedProgram {
  readonly #path: string;
  #fd: number | undefined;
  /** What the file was when it was copied: an upgrade is another one. */
  #version = '';

  constructor(path: string) {
    this.#path = path;
  }

  /** Where to start it from, while this process lives: the copy, or the file itself where there can be none. */
  path(): string {
    const version = versionOf(this.#path);
    if (version !== this.#version) {
      this.#version = version;
      // The old copy stays open: a launch that has begun is about to start it.
      this.#fd = version !== '' && SEALED.includes(basename(this.#path)) ? sealedCopy(this.#path) : undefined;
    }
    return this.#fd === undefined ? this.#path : `/proc/${process.pid}/fd/${this.#fd}`;
  }
}

/** Empty where the file is gone. */
function versionOf(path: string): string {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? '' : `${stat.dev} ${stat.ino} ${stat.size} ${stat.mtimeNs} ${stat.mode}`;
}

/** undefined where that cannot be, as where the kernel executes no such file (vm.memfd_noexec). */
function sealedCopy(path: string): number | undefined {
  let fd: number | undefined;
  try {
    fd = createMemoryFile(basename(path));
    const copy = `/proc/self/fd/${fd}`;
    copyFileSync(path, copy);
    sealFile(fd);
    accessSync(copy, constants.X_OK);
    return fd;
  } catch {
    if (fd !== undefined) closeSync(fd);
    return undefined; // the program copies itself then, and says what it lacks
  }
}
