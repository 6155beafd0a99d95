/**
 * @module Whether the other side of a unix socket is gone, or has only said all that it had to say: a reader cannot tell.
 * @see poll(2), and unix_poll in net/unix/af_unix.c
 */

import { POLLERR, POLLHUP, pollNow } from './ffi.ts';

/** @throws KernelError */
export function hasHungUp(fd: number): boolean {
  return (pollNow(fd) & (POLLERR | POLLHUP)) !== 0;
}
