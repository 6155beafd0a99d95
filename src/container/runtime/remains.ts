/**
 * @module What is left of a container whose processes have ended: its cgroups, and the runtime's state directory. Taking
 * them away here costs a tenth of what the runtime needs to be started for it.
 */

import { readdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { CgroupMode } from './types.ts';

const ROOT = '/sys/fs/cgroup';

/**
 * Removes both, unless a process or a cgroup of its own making is still there: then nothing is lost, and it is false.
 * @param state the directory in which the runtime keeps this container
 * @param cgroup below the root of each hierarchy
 */
export async function removeRemains(state: string, cgroup: string, mode: CgroupMode): Promise<boolean> {
  const roots = mode === 'v2' ? [ROOT] : await hierarchies();
  const removed = await Promise.all(roots.map((root) => removeCgroup(join(root, cgroup))));
  if (removed.includes(false)) return false;
  await rm(state, { recursive: true, force: true });
  return true;
}

/** v1: one directory each; links to them are other names. */
async function hierarchies(): Promise<string[]> {
  const entries = await readdir(ROOT, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(ROOT, name));
}

async function removeCgroup(path: string): Promise<boolean> {
  try {
    await rmdir(path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return true;
    if (code === 'EBUSY' || code === 'ENOTEMPTY') return false;
    throw error;
  }
}
