/**
 * @module Ends of containers. conmon tells them by a file with the exit code; a conmon that was killed tells nothing, so
 * it is looked after now and then.
 */

import type { Context, Paths } from './context.ts';
import type { Entry } from './entry.ts';
import { findAgain, findExit, UNKNOWN_EXIT_CODE } from './find-again.ts';
import { died, noticeOutOfMemory } from './lifecycle.ts';
import { isMonitored } from './monitors.ts';
import { hasProcess } from './record.ts';
import { watchExits } from './runtime/index.ts';

const LOOK_AFTER_MS = 3000;

/** Learns of all ends from now on, and of those that nobody has dealt with yet. */
export async function followExits(context: Context): Promise<Disposable> {
  const { paths, table, log } = context;
  const report = (error: Error): void => log.error(`the end of a container could not be dealt with: ${error.message}`);
  const watch = await watchExits(
    paths.exits,
    async (id, exit) => {
      const entry = table.get(id);
      if (entry === undefined) return; // removed meanwhile
      const run = entry.process;
      await entry.turn.run(async () => {
        // It may have been started anew while this waited for its turn.
        if (run === entry.process) await died(context, entry, exit);
      });
    },
    report,
  );
  const lookAfter = (): void => {
    for (const entry of table)
      if (hasLostMonitor(paths, entry)) entry.turn.run(() => endUnmonitored(context, entry)).catch(report);
      else if (mayRunOutOfMemory(entry)) entry.turn.run(() => noticeOutOfMemory(context, entry)).catch(report);
  };
  const timer = setInterval(lookAfter, LOOK_AFTER_MS).unref();
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      watch[Symbol.dispose]();
    },
  };
}

/** The end of one that ends by it is told at once; others are looked at here. */
function mayRunOutOfMemory({ process, record }: Entry): boolean {
  return process !== undefined && !record.oomKilled && (record.spec.resources?.memoryBytes ?? 0) > 0;
}

/** Also where a start could not be undone, or an opening did not find its process: the disk may have been full. */
function hasLostMonitor(paths: Paths, { id, record, process }: Entry): boolean {
  return hasProcess(record) && (process === undefined || !isMonitored(paths.run(id), process));
}

/**
 * Without its conmon a container has no streams, no log and no exit code: what is left of it is ended. An end that
 * could not be written down, as on a full disk, is tried again here.
 */
async function endUnmonitored(context: Context, entry: Entry): Promise<void> {
  if (!hasLostMonitor(context.paths, entry)) return;
  if (entry.process === undefined) return findAgain(context, entry);
  const exit = findExit(context.paths, entry.id);
  await died(context, entry, exit ?? { code: UNKNOWN_EXIT_CODE, finishedMs: Date.now() });
}
