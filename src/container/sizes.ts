/**
 * @module How much room a container takes.
 */

import type { Stats } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

export interface Sizes {
  /** What it wrote. */
  readonly rwBytes: number;
  /** With its image. */
  readonly rootBytes: number;
}

/** The bytes in all files below a directory; 0 where it is not there. Files come and go meanwhile. */
export async function sizeBelow(directory: string): Promise<number> {
  const names = await readdir(directory).catch(ignoreMissing);
  const sizes = (names ?? []).map(async (name) => {
    const path = join(directory, name);
    const stat: Stats | undefined = await lstat(path).catch(ignoreMissing);
    return stat?.isDirectory() ? sizeBelow(path) : (stat?.size ?? 0);
  });
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error;
}
