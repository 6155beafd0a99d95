/**
 * @module Stopping, killing and pausing containers. What changes the container takes its turn; waiting for a process to
 * end does not, so that one who is stopped slowly can be killed meanwhile.
 */

import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { signalChildOf } from '../kernel/pidfd.ts';
import { fateOfSignal, type SignalFate } from '../kernel/signal-masks.ts';
import { type Context, emit, wrongState } from './context.ts';
import { delayMs } from './delays.ts';
import type { Entry } from './entry.ts';
import { start } from './lifecycle.ts';
import { isAlive, type Monitored } from './monitors.ts';
import { hasProcess, isActive } from './record.ts';
import { parseSignal } from './signals.ts';

const DEFAULT_STOP_SECONDS = 10;
/** The kernel ends a killed process at once, unless it hangs in a system call. */
const KILL_MS = 10_000;
/** A program has its signal handlers, if it has any, so long after its start. */
const HANDLERS_MS = 1000;
const POLL_MS = 2;
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
  let deadlineMs = Number.POSITIVE_INFINITY;
  let ending: Promise<unknown> = Promise.resolve();
  const stopped = await entry.turn.run(async () => {
    if (!isActive(entry.record)) return false;
    if (entry.record.phase === 'restarting') cancelRestart(context, entry);
    else {
      ending = entry.waits.nextExit();
      context.table.commit(entry, { stoppedByHand: true });
      // Counted from its turn, for which it may have waited long.
      if (seconds >= 0) deadlineMs = performance.now() + seconds * 1000;
      if (seconds !== 0) await noticing(entry, signal);
      await send(context, entry, signal);
    }
    return true;
  });
  if (!stopped) return false;
  if (!(await endsBefore(ending, deadlineMs))) {
    await entry.turn.run(() => (hasProcess(entry.record) ? send(context, entry, SIGKILL) : undefined));
    await endsAfterKill(entry, ending);
  }
  emit(context, entry, 'stop');
  return true;
}

/** Sends a signal; after a SIGKILL the container has ended. @throws PontoonError container-state when it does not run; bad-value */
export async function kill(context: Context, entry: Entry, name = 'SIGKILL'): Promise<void> {
  const signal = parseSignal(name);
  let ending: Promise<unknown> = Promise.resolve();
  await entry.turn.run(async () => {
    const { spec, phase } = entry.record;
    if (!isActive(entry.record))
      throw wrongState(entry, `Cannot kill container: ${entry.record.name}: Container ${entry.id} is not running`);
    if (phase === 'restarting') return cancelRestart(context, entry);
    const ends = signal === SIGKILL || signal === parseSignal(spec.stopSignal ?? 'SIGTERM');
    if (ends) context.table.commit(entry, { stoppedByHand: true });
    if (signal === SIGKILL) ending = entry.waits.nextExit();
    await noticing(entry, signal);
    await send(context, entry, signal);
  });
  await endsAfterKill(entry, ending);
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
    entry.pauses++;
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

/** Waits for a process that has only just begun until it would notice a signal, which is lost otherwise. */
async function noticing({ process, begunMs, record }: Entry, signal: number): Promise<void> {
  if (process === undefined || begunMs === undefined || record.phase === 'paused') return;
  let before: SignalFate | undefined;
  while (performance.now() - begunMs < HANDLERS_MS) {
    const fate = fateOfSignal(process.pid, signal);
    if (fate === 'noticed' || (fate === 'held' && before === 'held')) return;
    before = fate;
    await sleep(POLL_MS);
  }
}

/** One that has just ended needs no signal; a frozen one gets it when it goes on. */
async function send(context: Context, entry: Entry, signal: number): Promise<void> {
  if (entry.process !== undefined) await sendTo(context, entry.id, entry.process, signal);
  emit(context, entry, 'kill', { signal: String(signal) });
  if (entry.record.phase === 'paused') await resume(context, entry);
}

/** Its conmon is its parent; where that has been killed, the runtime knows whether it is the same process still. */
async function sendTo(context: Context, id: string, { pid, conmonPid }: Monitored, signal: number): Promise<void> {
  if (signalChildOf(conmonPid, pid, signal)) return;
  const runtime = await context.runtime();
  try {
    await runtime.signal(id, signal);
  } catch (error) {
    if (isAlive(pid)) throw error;
  }
}

function cancelRestart({ table }: Context, entry: Entry): void {
  entry.forgetNextStart();
  table.commit(entry, { phase: 'exited', stoppedByHand: true });
  entry.waits.exited({ exitCode: entry.record.exitCode });
}

async function endsAfterKill(entry: Entry, ending: Promise<unknown>): Promise<void> {
  if (await endsBefore(ending, performance.now() + KILL_MS)) return;
  throw wrongState(entry, `tried to kill container ${entry.id}, but did not receive an exit event`);
}

async function endsBefore(ending: Promise<unknown>, deadlineMs: number): Promise<boolean> {
  if (deadlineMs === Number.POSITIVE_INFINITY) return ending.then(() => true);
  const timer = new AbortController();
  const leftMs = delayMs(deadlineMs - performance.now());
  // While the containers are open they keep this process alive; when they are closed, this shall not. Aborted: nobody asks.
  const late = sleep(leftMs, false, { signal: timer.signal, ref: false }).catch(() => false);
  const ended = await Promise.race([ending.then(() => true), late]);
  timer.abort();
  return ended;
}
