/**
 * @module Ends of containers. conmon tells them by a file with the exit code; a conmon that was killed tells nothing, so
 * it is looked after now and then.
 */

import type { Context, Paths } from './context.ts';
import type { Entry } from './entry.ts';
import { died } from './lifecycle.ts';
import { isMonitored } from './monitors.ts';
import { type ExitRecord, readExit, watchExits } from './runtime/index.ts';

/** What Docker says where nobody knows. */
export const UNKNOWN_EXIT_CODE = 255;
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
  };
  const timer = setInterval(lookAfter, LOOK_AFTER_MS).unref();
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      watch[Symbol.dispose]();
    },
  };
}

/** How a container ended that nobody watched; undefined when conmon has not said. */
export function findExit({ exits }: Paths, id: string): ExitRecord | undefined {
  return readExit(exits, id) ?? readExit(exits, `${id}.claimed`);
}

function hasLostMonitor(paths: Paths, entry: Entry): boolean {
  return entry.process !== undefined && !isMonitored(paths.run(entry.id), entry.process);
}

/**
 * Without its conmon a container has no streams, no log and no exit code: what is left of it is ended. An end that
 * could not be written down, as on a full disk, is tried again here.
 */
async function endUnmonitored(context: Context, entry: Entry): Promise<void> {
  if (!hasLostMonitor(context.paths, entry)) return;
  const exit = findExit(context.paths, entry.id);
  await died(context, entry, exit ?? { code: UNKNOWN_EXIT_CODE, finishedMs: Date.now() });
}
