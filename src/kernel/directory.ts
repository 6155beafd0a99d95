/**
 * @module Directories. Node's own recursive mkdir never returns where the parent exists but takes no entries, as in
 * /proc (ENOENT from a directory that is there).
 */

import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

/** Makes a directory with all its parents; one that is there stays as it is. @throws Error of mkdir(2) */
export function makeDirectories(path: string, mode = 0o777): void {
  try {
    makeDirectory(path, mode);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(path) === path) throw error;
    makeDirectories(dirname(path), mode);
    makeDirectory(path, mode);
  }
}

function makeDirectory(path: string, mode: number): void {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
