/**
 * @module Files below a directory that is somebody's root: their symbolic links are theirs, and lead nowhere outside.
 * @see openat2(2), RESOLVE_IN_ROOT
 */

import { closeSync, constants, openSync } from 'node:fs';
import * as ffi from './ffi.ts';

/**
 * Opens `path` as a process would whose root is `root`; never waits for a fifo. The descriptor is the caller's to close.
 * @param flags of open(2), such as constants.O_RDONLY
 * @throws KernelError ENOENT, ENOTDIR, ELOOP, EACCES, …
 */
export function openInRoot(root: string, path: string, flags: number): number {
  const directory = openSync(root, constants.O_DIRECTORY | constants.O_RDONLY);
  try {
    return ffi.openInRoot(directory, path, flags | constants.O_NONBLOCK);
  } finally {
    closeSync(directory);
  }
}
