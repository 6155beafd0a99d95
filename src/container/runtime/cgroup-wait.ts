/**
 * @module The wait for the cgroup tree, taken while something else is done.
 *
 * Whoever moves a process to a cgroup takes a lock (cgroup_threadgroup_rwsem) for which the first one in a while waits
 * for an RCU grace period, some 8 ms, in which nobody makes a cgroup either. Those who come soon after need not wait. So
 * whoever is about to start a process in a container moves this one to where it is already; when the runtime comes to
 * make a cgroup and to move its own, the time has passed. Of a process that is created first and started then, as clients
 * do it, the creation is not too early.
 * @see cgroup_procs_write_start in kernel/cgroup/cgroup.c, rcu_sync_enter in kernel/rcu/sync.c
 */

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseMembership } from '../cgroup.ts';

let known: Promise<string | undefined> | undefined;
let waiting = false;

/** Begins to wait, unless that goes on already. Where this process may not, it asks no more: the runtime waits then. */
export function beginCgroupWait(): void {
  if (waiting) return;
  waiting = true;
  wait().finally(() => {
    waiting = false;
  });
}

async function wait(): Promise<void> {
  known ??= ownProcesses();
  try {
    const path = await known;
    if (path !== undefined) await writeFile(path, '0');
  } catch {
    known = Promise.resolve(undefined);
  }
}

/** The list of the processes of the cgroup in which this one is, in any hierarchy: they have one lock. */
async function ownProcesses(): Promise<string | undefined> {
  const directories = parseMembership(await readFile('/proc/self/cgroup', 'utf8'));
  const directory = directories.get('pids') ?? directories.get('');
  return directory && join(directory, 'cgroup.procs');
}
