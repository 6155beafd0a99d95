/**
 * @module Small files below the root of somebody else, such as a container: no name in there leads out of it.
 *
 * The path is walked one name at a time from an open directory, so that links are taken as they count there, and nobody
 * can swap one for another underneath. Only regular files are opened: a pipe would wait for ever.
 * @see path_resolution(7); openat2(2) RESOLVE_IN_ROOT does the same where one has it
 */

import { closeSync, constants, fstatSync, openSync, readlinkSync, readSync } from 'node:fs';
import { KernelError } from './error.ts';
import { openat } from './ffi.ts';

const O_PATH = 0o10000000;
/** As the kernel's own MAXSYMLINKS. */
const MAX_LINKS = 40;
/** Not there, not a directory, a process that has ended, or not ours to see. */
const ABSENT = ['ENOENT', 'ENOTDIR', 'ESRCH', 'EACCES', 'EPERM', 'ELOOP', 'ENXIO', 'ENAMETOOLONG'] as const;

/** The text of a regular file, at most `maxBytes` of it; undefined when there is none or it may not be read. */
export function readFileBelow(root: string, path: string, maxBytes: number): string | undefined {
  const stack: number[] = [];
  try {
    stack.push(openSync(root, constants.O_DIRECTORY | constants.O_RDONLY));
    const fd = openBelow(stack, path);
    if (fd === undefined) return undefined;
    stack.push(fd);
    const bytes = Buffer.alloc(Math.min(maxBytes, fstatSync(fd).size || maxBytes));
    return bytes.toString('utf8', 0, readSync(fd, bytes));
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  } finally {
    for (const fd of stack) closeSync(fd);
  }
}

/** `stack` holds the open directories from the root to where the walk is; the caller closes them. */
function openBelow(stack: number[], path: string): number | undefined {
  const pending = path.split('/').reverse();
  for (let links = 0; pending.length > 0; ) {
    const name = pending.pop() as string;
    if (name === '' || name === '.') continue;
    if (name === '..') {
      ascend(stack, Math.max(1, stack.length - 1));
      continue;
    }
    const directory = stack.at(-1) as number;
    const fd = openat(directory, name, O_PATH | constants.O_NOFOLLOW);
    stack.push(fd);
    const found = fstatSync(fd);
    if (found.isDirectory()) continue;
    ascend(stack, stack.length - 1);
    if (found.isSymbolicLink()) {
      if (++links > MAX_LINKS) return undefined;
      const target = readlinkSync(`/proc/self/fd/${directory}/${name}`);
      if (target.startsWith('/')) ascend(stack, 1);
      pending.push(...target.split('/').reverse());
    } else {
      return found.isFile() && pending.length === 0 ? openFile(directory, name) : undefined;
    }
  }
  return undefined;
}

/** Whatever has taken the file's place meanwhile is looked at again, and opening it does not wait. */
function openFile(directory: number, name: string): number | undefined {
  const fd = openat(directory, name, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  return undefined;
}

function ascend(stack: number[], depth: number): void {
  for (const fd of stack.splice(depth)) closeSync(fd);
}

function isAbsent(error: unknown): boolean {
  const code = KernelError.isKernel(error) ? error.errno : (error as NodeJS.ErrnoException).code;
  return ABSENT.some((absent) => absent === code);
}
