/**
 * @module Removing directories with all that is in them. The asynchronous way takes several turns of the thread pool for
 * each entry, which a container that ends would wait for; the synchronous one stops everybody while a large tree goes.
 * So small trees, as most containers leave them, are removed at once.
 */

import { lstatSync, opendirSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';

const SMALL_ENTRIES = 64;
/** Of one file: freeing its blocks takes time too. */
const SMALL_BYTES = 1024 * 1024;

/** Removes a file or directory; nothing happens where there is none. @throws Error of rm */
export async function removeTree(path: string): Promise<void> {
  if (!removesAtOnce(path)) await rm(path, { recursive: true, force: true });
}

/** Where it fails, the other way tries again, and says what is in the way: the errors of rmSync name neither code nor call. */
function removesAtOnce(path: string): boolean {
  try {
    if (!isSmall(path)) return false;
    rmSync(path, { recursive: true, force: true });
    return true;
  } catch {
    return false;
  }
}

function isSmall(path: string): boolean {
  let left = SMALL_ENTRIES;
  const fits = (entry: string): boolean => {
    left -= 1;
    const stat = lstatSync(entry, { throwIfNoEntry: false });
    if (left < 0 || (stat !== undefined && stat.size > SMALL_BYTES)) return false;
    return stat?.isDirectory() !== true || namesIn(entry).every((name) => fits(join(entry, name)));
  };
  return fits(path);
}

/** As many as are of interest, and one more. */
function namesIn(path: string): string[] {
  const directory = opendirSync(path);
  try {
    const names: string[] = [];
    for (
      let entry = directory.readSync();
      entry !== null && names.length <= SMALL_ENTRIES;
      entry = directory.readSync()
    )
      names.push(entry.name);
    return names;
  } finally {
    directory.closeSync();
  }
}
