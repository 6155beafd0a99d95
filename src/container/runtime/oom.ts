/**
 * @module Want of memory: whether the kernel has killed a process of a container for it. The cgroup counts that, as long
 * as it is there; conmon leaves a mark (`oom`), but may miss what happens just before the end.
 */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = '/sys/fs/cgroup';

/** Of the run in `directory`, whose cgroup is where `cgroupPath` says; ask before the container is deleted. */
export function ranOutOfMemory(directory: string, cgroup: string): boolean {
  const counts = [join(ROOT, cgroup, 'memory.events'), join(ROOT, 'memory', cgroup, 'memory.oom_control')];
  return counts.some((path) => /^oom_kill [1-9]/m.test(readIfThere(path) ?? '')) || existsSync(join(directory, 'oom'));
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENODEV'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}
