/**
 * @module Want of memory: whether the kernel has killed a process of a container for it. The cgroup counts that, as long
 * as it is there; conmon leaves a mark (`oom`), but may miss what happens just before the end.
 */

import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readBundle } from './bundle.ts';

const ROOT = '/sys/fs/cgroup';

/** Of the run whose bundle is in `directory`; ask before the container is deleted. */
export async function ranOutOfMemory(directory: string): Promise<boolean> {
  const config = await readBundle(directory);
  if (config === undefined) return false;
  const cgroup = config.linux.cgroupsPath;
  const counts = await Promise.all([
    readIfThere(join(ROOT, cgroup, 'memory.events')),
    readIfThere(join(ROOT, 'memory', cgroup, 'memory.oom_control')),
  ]);
  return counts.some((text) => /^oom_kill [1-9]/m.test(text ?? '')) || isMarked(directory);
}

function isMarked(directory: string): Promise<boolean> {
  return access(join(directory, 'oom')).then(
    () => true,
    () => false,
  );
}

function readIfThere(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENODEV') return undefined;
    throw error;
  });
}
