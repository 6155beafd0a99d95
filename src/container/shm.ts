/**
 * @module /dev/shm of containers that share their IPC namespace: POSIX shared memory is files, so they share those too.
 *
 * One that may be joined ('shareable') has them in a tmpfs of the host's, in its run directory.
 */

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { detachMount, isMountPoint, MS_NODEV, MS_NOEXEC, MS_NOSUID, mount } from '../kernel/mounts.ts';
import { type Context, type Paths, wrongState } from './context.ts';
import type { Entry } from './entry.ts';

const DEFAULT_BYTES = 64 * 1024 * 1024;

/** The directory that a container gets as /dev/shm; undefined: one of its own. @throws PontoonError container-state */
export function sharedMemory({ table, paths }: Context, { id, record }: Entry): string | undefined {
  const { namespaces, shmSizeBytes } = record.spec;
  const mode = namespaces?.ipc ?? '';
  if (mode === 'shareable') return mountSharedMemory(pathOf(paths, id), shmSizeBytes || DEFAULT_BYTES);
  if (!mode.startsWith('container:')) return undefined;
  const donor = table.find(mode.slice('container:'.length));
  if (donor.record.spec.namespaces?.ipc === 'host') return '/dev/shm';
  if (donor.record.spec.namespaces?.ipc === 'shareable') return pathOf(paths, donor.id);
  const hint = 'non-shareable IPC (hint: use IpcMode:shareable for the donor container)';
  throw wrongState(donor, `can't join IPC of container ${donor.id}: ${hint}`);
}

/** Takes the mount away, where there is one; who uses it keeps it. */
export function detachSharedMemory(paths: Paths, id: string): void {
  detachMount(pathOf(paths, id));
}

function pathOf(paths: Paths, id: string): string {
  return join(paths.run(id), 'shm');
}

function mountSharedMemory(path: string, sizeBytes: number): string {
  mkdirSync(path, { recursive: true });
  if (isMountPoint(path)) return path;
  mount('shm', path, 'tmpfs', MS_NOSUID | MS_NODEV | MS_NOEXEC, `mode=1777,size=${sizeBytes}`);
  return path;
}
