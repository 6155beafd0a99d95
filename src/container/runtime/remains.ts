/**
 * @module What is left of a container whose processes have ended: its cgroups, and the runtime's state directory. Taking
 * them away here costs a tenth of what the runtime needs to be started for it.
 */

import { readdirSync, rmdirSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import type { CgroupMode } from './types.ts';

const ROOT = '/sys/fs/cgroup';
/** Of v1 and v2. @see linux/magic.h */
const CGROUP_MAGICS = [0x27e0eb, 0x63677270];

/**
 * Removes both; false where a process or a cgroup of its own making is still there, which stays with the state.
 * @param state the directory in which the runtime keeps this container
 * @param cgroup below the root of each hierarchy
 */
export function removeRemains(state: string, cgroup: string, mode: CgroupMode): boolean {
  const roots = mode === 'v2' ? [ROOT] : hierarchies();
  const removed = roots.map((root) => removeCgroup(join(root, cgroup)));
  if (removed.includes(false)) return false;
  rmSync(state, { recursive: true, force: true });
  return true;
}

/** v1: one directory each; links to them are other names. */
function hierarchies(): string[] {
  const entries = readdirSync(ROOT, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(ROOT, name));
}

function removeCgroup(path: string): boolean {
  try {
    rmdirSync(path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return true;
    if (code !== 'EBUSY' && code !== 'ENOTEMPTY') throw error;
    if (CGROUP_MAGICS.includes(statfsSync(path).type)) return false;
    // crun takes every directory there for a hierarchy, also one that is none, and makes files in it.
    rmSync(path, { recursive: true });
    return true;
  }
}
