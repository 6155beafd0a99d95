/**
 * @module Advisory file locks: they go with the process that holds them, however it ends.
 * @see flock(2)
 */

import { flock, LOCK_EX, LOCK_NB } from './ffi.ts';

/** Takes an exclusive lock on an open file; false when another open file description has it. @throws KernelError */
export function tryLockFile(fd: number): boolean {
  return flock(fd, LOCK_EX | LOCK_NB);
}
