/**
 * @module A container's life: started, ended, started again by its policy.
 *
 * What should be is committed first, then the world is changed. A start that fails is undone; the end of a run takes
 * away all that the start made. All of it happens in the container's turn.
 */

import { endProcess, raise, takeDown } from './bring-up.ts';
import { type Context, emit, wrongState } from './context.ts';
import type { Entry } from './entry.ts';
import { forgetUnstartedExecs } from './execs.ts';
import { monitorHealth } from './health-checks.ts';
import { hasProcess } from './record.ts';
import { remove } from './removal.ts';
import { restartDelay, restartsAfterExit } from './restart-policy.ts';
import { cgroupPath, type ExitRecord, ranOutOfMemory, startExitCode } from './runtime/index.ts';

/** Starts a container that does not run. False when it runs already. @throws PontoonError container-state, … */
export async function start(context: Context, entry: Entry): Promise<boolean> {
  const { phase } = entry.record;
  if (phase === 'running') return false;
  if (phase === 'paused') throw wrongState(entry, 'cannot start a paused container, try unpause instead');
  if (phase === 'removing') throw wrongState(entry, 'container is marked for removal and cannot be started');
  entry.forgetNextStart();
  entry.restartDelayMs = undefined;
  await run(context, entry, 0);
  return true;
}

/** Tells, once in a run, that the kernel has killed a process for want of memory; the container may live on. */
export function noticeOutOfMemory(context: Context, entry: Entry): void {
  const { record } = entry;
  if (record.oomKilled || !ranOutOfMemory(context.paths.run(entry.id), cgroupPath(record))) return;
  context.table.commit(entry, { oomKilled: true });
  emit(context, entry, 'oom');
}

/** The end of a container's process. */
export async function died(context: Context, entry: Entry, { code: exitCode, finishedMs }: ExitRecord): Promise<void> {
  const { table } = context;
  if (!hasProcess(entry.record)) return;
  noticeOutOfMemory(context, entry);
  const { spec, startedMs = finishedMs } = entry.record;
  const again = entry.restarts === 0 && restartsAfterExit(spec.restart, { ...entry.record, exitCode });
  table.commit(entry, { phase: again ? 'restarting' : 'exited', exitCode, finishedMs });
  entry.process = undefined;
  forgetUnstartedExecs(context, entry);
  const execDuration = String(Math.round((finishedMs - startedMs) / 1000));
  emit(context, entry, 'die', { exitCode: String(exitCode), execDuration });
  await tryTakeDown(context, entry);
  entry.waits.exited({ exitCode });
  if (again) planNextStart(context, entry, finishedMs - startedMs);
  else if (spec.autoRemove === true && entry.restarts === 0) await removeEnded(context, entry);
}

/** What is left is taken away before the next start, or by the removal, which must come all the same. */
async function tryTakeDown(context: Context, entry: Entry): Promise<void> {
  try {
    await takeDown(context, entry);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    context.log.error(`what is left of container ${entry.record.name} is not taken away: ${error.message}`);
  }
}

/** Removes one with `--rm`; who waits for that hears also of a failure. */
async function removeEnded(context: Context, entry: Entry): Promise<void> {
  try {
    await remove(context, entry, { volumes: true });
  } catch (error) {
    entry.waits.removed({ exitCode: entry.record.exitCode, error: (error as Error).message });
    throw error;
  }
}

/** Plans the start that the restart policy asks for. */
function planNextStart(context: Context, entry: Entry, ranMs: number): void {
  entry.restartDelayMs = restartDelay(entry.restartDelayMs, ranMs);
  entry.nextStart = setTimeout(() => startAgain(context, entry), entry.restartDelayMs);
}

function startAgain(context: Context, entry: Entry): void {
  entry.turn
    .run(() => startPlanned(context, entry))
    .catch((error: Error) =>
      context.log.error(`container ${entry.record.name} does not start again: ${error.message}`),
    );
}

/** Starts what its restart policy has planned to start, now. */
export async function startPlanned(context: Context, entry: Entry): Promise<void> {
  if (entry.record.phase !== 'restarting') return;
  entry.forgetNextStart();
  await run(context, entry, entry.record.restartCount + 1);
}

/** Makes the container run, or leaves it as ended. */
async function run(context: Context, entry: Entry, restartCount: number): Promise<void> {
  const { table } = context;
  const { phase: before, startedMs } = entry.record;
  table.commit(entry, {
    phase: 'running',
    restartCount,
    stoppedByHand: false,
    startedMs: Date.now(),
    exitCode: 0,
    oomKilled: false,
    error: '',
  });
  try {
    await endProcess(context, entry); // what the end before could not take away
    await context.gate.run(() => raise(context, entry));
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    await tryTakeDown(context, entry);
    const exitCode = startExitCode(error);
    const phase = before === 'created' ? 'created' : 'exited';
    table.commit(entry, { phase, startedMs, exitCode, error: error.message });
    entry.attachments.end();
    entry.waits.exited({ exitCode, error: error.message });
    const report = (failure: Error): void =>
      context.log.error(`container ${entry.record.name} is not removed: ${failure.message}`);
    if (entry.record.spec.autoRemove === true) await removeEnded(context, entry).catch(report);
    throw error;
  }
  emit(context, entry, 'start');
  entry.lastHealth = undefined;
  entry.health = monitorHealth(context, entry);
}
