/**
 * @module What the tests must leave as it was: the interfaces, mounts, named namespaces and tables of the machine
 * itself, and no process of theirs.
 *
 * Every kernel test runs in a world of its own, so a difference here means that one of them got out. Addresses, routes
 * and sysctls are not compared: on a machine in use, others change them meanwhile (DHCP, router advertisements).
 */
import { spawnSync } from 'node:child_process';
import { globSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** The environment variable that marks every process of one test run; children inherit it. */
export const RUN_MARK = 'PONTOON_TEST_RUN';

/** A list of names for each kind of thing that is compared. */
export type Machine = Readonly<Record<string, readonly string[]>>;

export function readMachine(): Machine {
  return {
    interface: readdirSync('/sys/class/net'),
    'mount below /run': mountsBelow('/run/'),
    'named network namespace': namesIn('/run/netns'),
    'state directory': namesIn('/run').filter((name) => name.startsWith('pontoon')),
    'nftables table': nftTables(),
  };
}

/**
 * Removes the control groups of containers that ended with their world: no namespace holds control groups, so those of a
 * world that was killed stay, empty. One with a process in it is somebody's and stays.
 */
export function sweepControlGroups(before: readonly string[]): void {
  const old = new Set(before);
  for (const path of controlGroups()
    .filter((group) => !old.has(group))
    .toReversed()) {
    try {
      rmdirSync(path);
    } catch (error) {
      if (!['EBUSY', 'ENOTEMPTY', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }
}

/** Those of Pontoon's containers, in each hierarchy: parents before what is in them. */
export function controlGroups(): string[] {
  return [...globSync('/sys/fs/cgroup/pontoon/*/'), ...globSync('/sys/fs/cgroup/*/pontoon/*/')].sort();
}

/** One line for each thing that is new or gone; empty when the machine is as it was. */
export function compareMachines(before: Machine, after: Machine): string[] {
  return Object.keys(before).flatMap((kind) => {
    const old = new Set(before[kind]);
    const now = new Set(after[kind]);
    return [
      ...[...now.difference(old)].map((name) => `new ${kind}: ${name}`),
      ...[...old.difference(now)].map((name) => `lost ${kind}: ${name}`),
    ];
  });
}

/**
 * The processes of a test run that are still alive, as `PID COMMAND`. The kernel needs a moment to end a killed world,
 * so this looks again for up to `graceMs` (default 5 seconds) before it calls one left over.
 */
export async function leftoverProcesses(runId: string, graceMs = 5000): Promise<string[]> {
  for (const deadline = Date.now() + graceMs; ; await sleep(50)) {
    const found = markedProcesses(runId);
    if (found.length === 0 || Date.now() > deadline) return found;
  }
}

function markedProcesses(runId: string): string[] {
  const found: string[] = [];
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
    const environment = readProcess(pid, 'environ').split('\0');
    if (environment.includes(`${RUN_MARK}=${runId}`)) {
      found.push(`${pid} ${readProcess(pid, 'cmdline').replaceAll('\0', ' ').trim()}`);
    }
  }
  return found;
}

/** A file of a process's /proc folder; empty when the process has just ended or belongs to someone else. */
function readProcess(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) return '';
    throw error;
  }
}

function mountsBelow(prefix: string): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((target) => target.startsWith(prefix));
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** None where nft is not installed yet, as on a machine that only makes the static checks. */
function nftTables(): string[] {
  if (process.getuid?.() !== 0) return [];
  const { error, status, stdout, stderr } = spawnSync('nft', ['list', 'tables'], { encoding: 'utf8' });
  if ((error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') return [];
  if (status !== 0) throw error ?? new Error(`nft list tables: ${stderr}`);
  return stdout.split('\n').filter(Boolean);
}
