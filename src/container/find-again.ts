/**
 * @module Finding the process of a container that should have one, where this process of ours does not know it.
 */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { beginProcess } from './bring-up.ts';
import type { Context, Paths } from './context.ts';
import type { Entry } from './entry.ts';
import { monitorHealth } from './health-checks.ts';
import { died } from './lifecycle.ts';
import { endLaunch, findMonitored } from './monitors.ts';
import { type ExitRecord, readExit } from './runtime/index.ts';

/** What Docker says where nobody knows. */
export const UNKNOWN_EXIT_CODE = 255;

/** Finds the process, or learns how it ended; a start that was cut short is finished. */
export async function findAgain(context: Context, entry: Entry): Promise<void> {
  const { paths } = context;
  const { id } = entry;
  const exit = findExit(paths, id);
  if (exit !== undefined) return died(context, entry, exit);
  const found = findMonitored(paths.run(id));
  if (found === undefined) {
    await endLaunch(paths.run(id));
    return died(context, entry, { code: UNKNOWN_EXIT_CODE, finishedMs: Date.now() });
  }
  entry.process = found;
  if (waitsForStart(context, entry)) await finishStart(context, entry);
  entry.health = monitorHealth(context, entry);
}

async function finishStart(context: Context, entry: Entry): Promise<void> {
  try {
    await beginProcess(context, entry);
  } catch (error) {
    await died(context, entry, { code: UNKNOWN_EXIT_CODE, finishedMs: Date.now() });
    throw error;
  }
}

/** crun and runc both keep this fifo from create to start: the crash came between the two. */
function waitsForStart({ paths }: Context, { id }: Entry): boolean {
  return existsSync(join(paths.runRoot, 'runtime', id, 'exec.fifo'));
}

/** How a container ended that nobody watched; undefined when conmon has not said. */
export function findExit({ exits }: Paths, id: string): ExitRecord | undefined {
  return readExit(exits, id) ?? readExit(exits, `${id}.claimed`);
}
