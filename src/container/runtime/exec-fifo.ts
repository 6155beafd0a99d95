/**
 * @module Letting a created container run, without the runtime's help.
 *
 * Its process waits at a FIFO in the runtime's state until somebody writes to it, and `crun start` does nothing else. To
 * start crun for that costs more than the rest of the start: another process, and what it links. runc waits the other way
 * round: there the process writes.
 * @see crun, src/libcrun/status.c: libcrun_status_write_exec_fifo
 */

import { closeSync, constants, openSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/**
 * False where there is no FIFO: the container was not created, or runs. `state` is the directory in which crun keeps it.
 * Where nobody reads any more, the process has passed it, and who let it pass was killed before the FIFO was gone; or
 * the process has died, as its exit code will say.
 */
export function passExecFifo(state: string): boolean {
  const path = join(state, 'exec.fifo');
  try {
    const fd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    try {
      writeSync(fd, '\0');
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return false;
    if (code !== 'ENXIO' && code !== 'EPIPE') throw error;
  }
  unlinkSync(path); // this is how crun knows that the container runs
  return true;
}
