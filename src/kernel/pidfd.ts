/**
 * @module Processes by descriptor (pidfd): unlike its number, it never becomes another process's.
 * @see pidfd_open(2), pidfd_send_signal(2)
 */

import { closeSync } from 'node:fs';
import { KernelError } from './error.ts';
import * as ffi from './ffi.ts';
import { readable } from './readiness.ts';
import { readTransientFile } from './transient-file.ts';

/** Waits until a process has ended, whoever's it is. @throws the reason of `signal` */
export async function whenEnded(pid: number, signal?: AbortSignal): Promise<void> {
  const fd = open(pid);
  if (fd === undefined) return;
  try {
    await readable(fd, signal);
  } finally {
    closeSync(fd);
  }
}

/** Waits until a process has ended; false when that takes longer. */
export async function processEndsWithin(pid: number, timeoutMs: number): Promise<boolean> {
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    await whenEnded(pid, signal);
    return true;
  } catch (error) {
    if (signal.aborted && error === signal.reason) return false;
    throw error;
  }
}

/** Sends a signal to a process, if it is there and a child of `parent`; false where it is not. @throws KernelError */
export function signalChildOf(parent: number, pid: number, signal: number): boolean {
  const fd = open(pid);
  if (fd === undefined) return false;
  try {
    // Whose number this is now: the descriptor is of the same process, if that is still there to be signalled.
    if (processStat(pid)?.parent !== parent) return false;
    ffi.pidfdSendSignal(fd, signal);
    return true;
  } catch (error) {
    if (KernelError.isKernel(error, 'ESRCH')) return false;
    throw error;
  } finally {
    closeSync(fd);
  }
}

/** Kills a process, if it is there. */
export function killProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function open(pid: number): number | undefined {
  try {
    return ffi.pidfdOpen(pid);
  } catch (error) {
    // The last two: the number is that of a thread now.
    if (KernelError.isKernel(error, 'ESRCH', 'EINVAL', 'ENOENT')) return undefined;
    throw error;
  }
}

/** task->flags, in /proc since Linux 2.6. @see linux/sched.h */
const PF_FORKNOEXEC = 0x40;

export interface ProcessStat {
  /** One letter: 'R', 'S', …; 'Z' and 'X' have ended. */
  readonly state: string;
  readonly parent: number;
  /** It runs a program of its own choice; false from its fork to its first execve. */
  readonly hasExecuted: boolean;
}

/** What the kernel says of a process now; undefined where there is none. @see proc_pid_stat(5) */
export function processStat(pid: number): ProcessStat | undefined {
  const stat = readTransientFile(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  // The name stands in parentheses, and may have any in it.
  const [state = '', parent, , , , , flags] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { state, parent: Number(parent), hasExecuted: (Number(flags) & PF_FORKNOEXEC) === 0 };
}
