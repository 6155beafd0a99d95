/**
 * @module Stopping, killing and pausing containers. What changes the container takes its turn; waiting for a process to
 * end does not, so that one who is stopped slowly can be killed meanwhile.
 */

import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Context, emit, wrongState } from './context.ts';
import type { Entry } from './entry.ts';
import { start } from './lifecycle.ts';
import { isAlive } from './monitors.ts';
import { hasProcess, isActive } from './record.ts';
import { parseSignal } from './signals.ts';

const DEFAULT_STOP_SECONDS = 10;
/** The kernel ends a killed process at once, unless it hangs in a system call. */
const KILL_SECONDS = 10;
const { SIGKILL } = constants.signals;

export interface StopOptions {
  /** How long to wait before killing; -1: for ever. Default: the container's own, else 10. */
  readonly timeoutSeconds?: number;
  /** Default: the container's own, else SIGTERM. */
  readonly signal?: string;
}

/** Sends the stop signal, and kills what has not ended in time. False when it did not run. @throws PontoonError */
export async function stop(context: Context, entry: Entry, options: StopOptions = {}): Promise<boolean> {
  const { spec } = entry.record;
  const signal = parseSignal(options.signal ?? spec.stopSignal ?? 'SIGTERM');
  const seconds = options.timeoutSeconds ?? spec.stopTimeoutSeconds ?? DEFAULT_STOP_SECONDS;
  let ending: Promise<unknown> = Promise.resolve();
  const stopped = await entry.turn.run(async () => {
    if (!isActive(entry.record)) return false;
    if (entry.record.phase === 'restarting') cancelRestart(context, entry);
    else {
      ending = entry.waits.nextExit();
      context.table.commit(entry, { stoppedByHand: true });
      await send(context, entry, signal);
    }
    return true;
  });
  if (!stopped) return false;
  if (!(await endsWithin(ending, seconds))) {
    await entry.turn.run(() => (hasProcess(entry.record) ? send(context, entry, SIGKILL) : undefined));
    await endsAfterKill(entry, ending);
  }
  emit(context, entry, 'stop');
  return true;
}

/** Sends a signal. @throws PontoonError container-state when it does not run; bad-value */
export function kill(context: Context, entry: Entry, name = 'SIGKILL'): Promise<void> {
  const signal = parseSignal(name);
  return entry.turn.run(async () => {
    const { spec, phase } = entry.record;
    if (!isActive(entry.record))
      throw wrongState(entry, `Cannot kill container: ${entry.record.name}: Container ${entry.id} is not running`);
    if (phase === 'restarting') return cancelRestart(context, entry);
    const ends = signal === SIGKILL || signal === parseSignal(spec.stopSignal ?? 'SIGTERM');
    if (ends) context.table.commit(entry, { stoppedByHand: true });
    await send(context, entry, signal);
  });
}

/** Kills a container, if it runs, and waits until it has ended. @throws PontoonError container-state */
export async function killNow(context: Context, entry: Entry): Promise<void> {
  let ending: Promise<unknown> = Promise.resolve();
  await entry.turn.run(async () => {
    if (entry.record.phase === 'restarting') return cancelRestart(context, entry);
    if (!hasProcess(entry.record)) return;
    ending = entry.waits.nextExit();
    context.table.commit(entry, { stoppedByHand: true });
    await send(context, entry, SIGKILL);
  });
  await endsAfterKill(entry, ending);
}

/** Stops and starts. @throws PontoonError */
export async function restart(context: Context, entry: Entry, options: StopOptions = {}): Promise<void> {
  entry.restarts++;
  try {
    await stop(context, entry, options);
    await entry.turn.run(() => start(context, entry));
  } finally {
    entry.restarts--;
  }
  emit(context, entry, 'restart');
}

/** @throws PontoonError container-state */
export function pause(context: Context, entry: Entry): Promise<void> {
  return entry.turn.run(async () => {
    const { phase } = entry.record;
    if (phase === 'paused') throw wrongState(entry, `Container ${entry.id} is already paused`);
    if (phase === 'restarting')
      throw wrongState(entry, `Container ${entry.id} is restarting, wait until the container is running`);
    if (phase !== 'running') throw wrongState(entry, `Container ${entry.id} is not running`);
    context.table.commit(entry, { phase: 'paused' });
    try {
      await (await context.runtime()).pause(entry.id);
    } catch (error) {
      context.table.commit(entry, { phase: 'running' });
      throw error;
    }
    emit(context, entry, 'pause');
  });
}

/** @throws PontoonError container-state */
export function unpause(context: Context, entry: Entry): Promise<void> {
  return entry.turn.run(async () => {
    if (entry.record.phase !== 'paused') throw wrongState(entry, `Container ${entry.id} is not paused`);
    await resume(context, entry);
  });
}

async function resume(context: Context, entry: Entry): Promise<void> {
  await (await context.runtime()).resume(entry.id);
  context.table.commit(entry, { phase: 'running' });
  emit(context, entry, 'unpause');
}

/** One that has just ended needs no signal; a frozen one gets it when it goes on. */
async function send(context: Context, entry: Entry, signal: number): Promise<void> {
  const runtime = await context.runtime();
  try {
    await runtime.signal(entry.id, signal);
  } catch (error) {
    if (entry.process !== undefined && isAlive(entry.process.pid)) throw error;
  }
  emit(context, entry, 'kill', { signal: String(signal) });
  if (entry.record.phase === 'paused') await resume(context, entry);
}

function cancelRestart({ table }: Context, entry: Entry): void {
  entry.forgetNextStart();
  table.commit(entry, { phase: 'exited', stoppedByHand: true });
}

async function endsAfterKill(entry: Entry, ending: Promise<unknown>): Promise<void> {
  if (await endsWithin(ending, KILL_SECONDS)) return;
  throw wrongState(entry, `tried to kill container ${entry.id}, but did not receive an exit event`);
}

async function endsWithin(ending: Promise<unknown>, seconds: number): Promise<boolean> {
  if (seconds < 0) return ending.then(() => true);
  const timer = new AbortController();
  const late = sleep(seconds * 1000, false, { signal: timer.signal }).catch(() => false); // it ended: nobody asks
  const ended = await Promise.race([ending.then(() => true), late]);
  timer.abort();
  return ended;
}
