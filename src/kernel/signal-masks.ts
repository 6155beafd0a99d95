/**
 * @module What becomes of a signal that is sent to a process. The first process of a PID namespace gets of what is sent
 * from outside only what it catches, blocks or waits for, SIGKILL and SIGSTOP; the kernel drops the rest.
 *
 * What a process waits for in sigtimedwait, as tini does, the kernel does not count as blocked meanwhile
 * (do_sigtimedwait), and shows nowhere: one that waits there is taken to wait for whatever is sent.
 * @see kernel/signal.c sig_task_ignored, pid_namespaces(7); proc_pid_status(5)
 */

import { constants } from 'node:os';
import { processStat } from './pidfd.ts';
import { readTransientFile } from './transient-file.ts';

const { SIGKILL, SIGSTOP } = constants.signals;
/** runc itself, which has executed itself once more before it executes the program. @see runc, libcontainer/init_linux.go */
const RUNC_INIT = /^Name:\trunc:\[/m;

/**
 * What becomes of a signal that is sent now. `held`: the process sleeps and has it blocked, which is for long where it
 * takes its signals by signalfd, and for a moment only where it is just about to fork.
 */
export type SignalFate = 'noticed' | 'held' | 'lost';

/** The fate of a signal; lost too where the process is not the program yet that it will be. */
export function fateOfSignal(pid: number, signal: number): SignalFate {
  if (signal === SIGKILL || signal === SIGSTOP) return 'noticed';
  const status = readTransientFile(`/proc/${pid}/status`);
  if (status === undefined || !/^NSpid:.*\t1$/m.test(status)) return 'noticed';
  const stat = processStat(pid);
  if (stat?.hasExecuted === false || RUNC_INIT.test(status)) return 'lost';
  const mask = 1n << BigInt(signal - 1);
  const isIn = (name: string): boolean => {
    const bits = new RegExp(`^${name}:\\t([0-9a-f]+)$`, 'm').exec(status)?.[1] ?? '0';
    return (BigInt(`0x${bits}`) & mask) !== 0n;
  };
  if (isIn('SigIgn') || isIn('SigCgt')) return 'noticed';
  if (readTransientFile(`/proc/${pid}/wchan`)?.includes('sigtimedwait') === true) return 'noticed';
  return isIn('SigBlk') && stat?.state === 'S' ? 'held' : 'lost';
}
