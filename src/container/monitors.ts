/**
 * @module The conmon processes that stay with containers, and what they leave in the run directory: how a process that
 * was started by an earlier daemon is found again.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const CONMON_PID = 'conmon.pid';
const CONTAINER_PID = 'container.pid';
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

/** Waits until no conmon works in a directory; kills one that does not end with its process. */
export async function endMonitor(directory: string): Promise<void> {
  const conmonPid = readPid(join(directory, CONMON_PID)) ?? listMonitors().get(directory);
  if (conmonPid === undefined) return;
  for (const deadline = Date.now() + PATIENCE_MS; isMonitorOf(conmonPid, directory); await sleep(POLL_MS)) {
    if (Date.now() > deadline) process.kill(conmonPid, 'SIGKILL');
  }
}

/** All conmon processes by the directory in which they work. */
export function listMonitors(): Map<string, number> {
  return new Map(
    readdirSync('/proc').flatMap((name) => {
      const directory = /^\d+$/.test(name) ? directoryOf(Number(name)) : undefined;
      return directory === undefined ? [] : [[directory, Number(name)] as const];
    }),
  );
}

function isMonitorOf(pid: number, directory: string): boolean {
  return directoryOf(pid) === directory;
}

/** The directory that a conmon was told to work in; undefined where the process is none, or has gone. */
function directoryOf(pid: number): string | undefined {
  const words = readOrUndefined(`/proc/${pid}/cmdline`)?.split('\0') ?? [];
  return words[0]?.endsWith('conmon') === true ? words[words.indexOf('--bundle') + 1] : undefined;
}

/** Whether a process runs; a zombie does not. */
export function isAlive(pid: number): boolean {
  const state = readOrUndefined(`/proc/${pid}/stat`)?.split(') ').at(-1)?.[0];
  return state !== undefined && state !== 'Z' && state !== 'X';
}

function readPid(path: string): number | undefined {
  const pid = Number(readOrUndefined(path));
  return Number.isInteger(pid) && pid > 0 ? pid : undefined;
}

/** A process, or its file, may go at any time. */
function readOrUndefined(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (['ENOENT', 'ESRCH'].includes(code)) return undefined;
    throw error;
  }
}
