/**
 * @module The conmon processes that stay with containers, and what they leave in the run directory: how a process that
 * was started by an earlier daemon is found again.
 */

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { killProcess, processEndsWithin, processStat } from '../kernel/pidfd.ts';
import { readTransientFile } from '../kernel/transient-file.ts';
import { CONMON_PID, CONTAINER_PID } from './runtime/index.ts';

const POLL_MS = 5;
/** conmon ends at once when its process has; one that does not is stuck. */
const PATIENCE_MS = 2000;

export interface Monitored {
  readonly pid: number;
  readonly conmonPid: number;
}

/** The process of the container whose run directory this is, if its conmon and itself are there. */
export function findMonitored(directory: string): Monitored | undefined {
  const conmonPid = readPid(join(directory, CONMON_PID));
  const pid = readPid(join(directory, CONTAINER_PID));
  if (conmonPid === undefined || pid === undefined) return undefined;
  return isMonitorOf(conmonPid, directory) && isAlive(pid) ? { pid, conmonPid } : undefined;
}

/** Whether the conmon of a container still works in its run directory. */
export function isMonitored(directory: string, { conmonPid }: Monitored): boolean {
  return isMonitorOf(conmonPid, directory);
}

/** Waits until the conmon of a process that has ended has ended too; kills one that does not. */
export async function endMonitor(directory: string): Promise<void> {
  const conmonPid = readPid(join(directory, CONMON_PID));
  if (conmonPid === undefined) return;
  while (isMonitorOf(conmonPid, directory)) {
    const hasEnded = await processEndsWithin(conmonPid, PATIENCE_MS);
    if (!hasEnded && isMonitorOf(conmonPid, directory)) killProcess(conmonPid);
  }
}

/**
 * Ends a launch that nobody waits for any more: conmon, the runtime that it has told to create the container, and what
 * that one has made and not yet started, which has its command line.
 */
export async function endLaunch(directory: string): Promise<void> {
  for (;;) {
    const pids = processes().filter((pid) => bundleOf(commandLine(pid)) === directory);
    if (pids.length === 0) return;
    for (const pid of pids) killProcess(pid);
    await sleep(POLL_MS);
  }
}

/** All conmon processes by the directory in which they work. */
export function listMonitors(): Map<string, number> {
  return new Map(
    processes().flatMap((pid) => {
      const words = commandLine(pid);
      const directory = isConmon(words) ? bundleOf(words) : undefined;
      return directory === undefined ? [] : [[directory, pid] as const];
    }),
  );
}

function isMonitorOf(pid: number, directory: string): boolean {
  const words = commandLine(pid);
  return isConmon(words) && bundleOf(words) === directory;
}

function processes(): number[] {
  return readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []));
}

/** Empty where the process has gone, or is a zombie. */
function commandLine(pid: number): string[] {
  return readTransientFile(`/proc/${pid}/cmdline`)?.split('\0') ?? [];
}

function isConmon([program]: readonly string[]): boolean {
  return program?.endsWith('conmon') === true;
}

/** The directory that conmon, or the runtime under it, works in. */
function bundleOf(words: readonly string[]): string | undefined {
  const at = words.indexOf('--bundle');
  return at < 0 ? undefined : words[at + 1];
}

/** Whether a process runs; a zombie does not. */
export function isAlive(pid: number): boolean {
  const state = processStat(pid)?.state ?? 'X';
  return state !== 'Z' && state !== 'X';
}

function readPid(path: string): number | undefined {
  const pid = Number(readTransientFile(path));
  return Number.isInteger(pid) && pid > 0 ? pid : undefined;
}
