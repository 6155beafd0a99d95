/** @module Files that may go at any time, as those of a process in /proc do. */

import { readFileSync } from 'node:fs';

/** The text of such a file; undefined where it has gone, or its process has. @throws the errors of node:fs but ENOENT and ESRCH */
export function readTransientFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}
