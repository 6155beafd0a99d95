/**
 * @module The file with the daemon's process ID, for scripts; a second daemon is refused by it.
 */

import { mkdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { PontoonError } from '../errors.ts';

/** Writes the file; it goes with the scope. @throws PontoonError engine-busy */
export function takePidFile(path: string): Disposable {
  const other = readPid(path);
  if (other !== undefined && other !== process.pid && isDaemon(other)) {
    throw new PontoonError(
      'engine-busy',
      `a daemon runs already, with process ID ${other} in ${path}: stop it, or give this one another --pidfile`,
      { subject: path },
    );
  }
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${process.pid}\n`);
  return { [Symbol.dispose]: () => rmSync(path, { force: true }) };
}

function readPid(path: string): number | undefined {
  try {
    const pid = Number(readFileSync(path, 'utf8'));
    return Number.isInteger(pid) && pid > 0 ? pid : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** A process that runs what we run: after a reboot the number may be anybody's. */
function isDaemon(pid: number): boolean {
  try {
    return readlinkSync(`/proc/${pid}/exe`) === readlinkSync('/proc/self/exe');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
