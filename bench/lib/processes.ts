/**
 * @module The processes that are there. In the bench's process namespace they are its own and its peers' only.
 */

import { readdirSync, readFileSync } from 'node:fs';

export interface Process {
  readonly name: string;
  /** Resident memory, as VmRSS of /proc/PID/status. */
  readonly residentBytes: number;
}

export function processes(): Process[] {
  return readdirSync('/proc').flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    const status = read(`/proc/${entry}/status`);
    if (status === undefined) return [];
    const name = /^Name:\t(.*)$/m.exec(status)?.[1] ?? '';
    return [{ name, residentBytes: 1024 * Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) }];
  });
}

/** A file's text; undefined when its process has ended meanwhile. */
function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}
