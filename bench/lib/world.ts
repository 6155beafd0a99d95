/**
 * @module The private world of a run: new network, mount and process namespaces, in which daemons and rules of every kind
 * may be made without the machine noticing.
 *
 * What programs write outside the checkout (/run, /etc, /var/lib, /opt) goes to memory and ends with the world. Process
 * namespace: when the run ends, however it ends, the kernel kills all that it started. Control groups are the one thing
 * that cannot be private here; they are made below one parent, which is removed last, with what was written to the disk.
 */

import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { run } from './exec.ts';

const MARK = 'PONTOON_BENCH_WORLD';
const CGROUPS = '/sys/fs/cgroup';

/** The directory of the run, in memory. */
export const WORK = '/run/pontoon-bench';

/**
 * Shell lines that make a host of new network and mount namespaces; $0 is a directory of its own.
 *
 * sysfs shows the network namespace that mounted it, and a daemon must see its own bridges there. The control groups are
 * those of v1, also on a machine that has v2 beside them, as few have: there crun needs one more process at each start.
 */
export const LAY_OUT_HOST = `
  mkdir -p "$0/cgroup" && mount --rbind /sys/fs/cgroup "$0/cgroup"
  if [ -d "$0/cgroup/unified" ]; then mount -t tmpfs tmpfs "$0/cgroup/unified"; fi
  mount -t sysfs sysfs /sys && mount --rbind "$0/cgroup" /sys/fs/cgroup
  ip link set lo up`;

/** What the run may write to the machine's disk: removed with the world. */
export function diskDirectory(): string {
  return diskDirectoryOf(process.env[MARK] ?? '');
}

const diskDirectoryOf = (mark: string): string => `/var/tmp/pontoon-bench-${mark}`;

/** True inside the world. */
export function inWorld(): boolean {
  return process.env[MARK] !== undefined;
}

/** The parent for control groups of this run, below each controller. */
export function cgroupParent(): string {
  return `/pontoon-bench-${process.env[MARK]}`;
}

/** Runs this same command again inside a new world. Resolves with its exit status when all is gone. */
export async function reenter(): Promise<number> {
  if (process.getuid?.() !== 0) {
    process.stderr.write('bench: run it as root: it makes namespaces, bridges and a Docker daemon\n');
    return 1;
  }
  const mark = String(process.pid);
  const namespaces = [
    '--net',
    '--mount',
    '--propagation',
    'private',
    '--pid',
    '--fork',
    '--kill-child',
    '--mount-proc',
  ];
  const child = spawn('unshare', [...namespaces, process.execPath, ...process.argv.slice(1)], {
    stdio: 'inherit',
    env: { ...process.env, [MARK]: mark },
  });
  // unshare ignores the gentler signals while it waits; with it ends the first process of the world, and so all of them.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill('SIGKILL'));
  const status = await new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
  await removeCgroups(`pontoon-bench-${mark}`);
  rmSync(diskDirectoryOf(mark), { recursive: true, force: true });
  return status;
}

/** Lays out the world: once, at its start. */
export async function layOut(): Promise<void> {
  // The first process of a process namespace has no default handlers: without these a signal would be ignored.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));
  await run('mount', ['-t', 'tmpfs', 'tmpfs', '/run']);
  mkdirSync(WORK, { recursive: true });
  mkdirSync('/run/netns');
  for (const path of ['/etc', '/var/lib', '/opt']) {
    const upper = join(WORK, 'upper', path);
    const scratch = join(WORK, 'scratch', path);
    mkdirSync(upper, { recursive: true });
    mkdirSync(scratch, { recursive: true });
    const options = `lowerdir=${path},upperdir=${upper},workdir=${scratch}`;
    await run('mount', ['-t', 'overlay', 'overlay', '-o', options, path]);
  }
  await run('ip', ['link', 'set', 'lo', 'up']);
}

/** Removes a control group with its children below every controller. Its processes may be still on their way out. */
async function removeCgroups(name: string): Promise<void> {
  const removeTree = async (path: string): Promise<void> => {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      if (entry.isDirectory()) await removeTree(join(path, entry.name));
    }
    for (let patienceMs = 10_000; ; patienceMs -= 50) {
      try {
        return rmdirSync(path);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EBUSY' || patienceMs <= 0) throw error;
        await setTimeout(50);
      }
    }
  };
  if (!existsSync(CGROUPS)) return;
  for (const root of [CGROUPS, ...readdirSync(CGROUPS).map((entry) => join(CGROUPS, entry))]) {
    const path = join(root, name);
    if (existsSync(path)) await removeTree(path);
  }
}
