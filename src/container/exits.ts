/**
 * @module Ends of containers, as conmon tells them: by a file with the exit code.
 */

import type { Context, Paths } from './context.ts';
import { died } from './lifecycle.ts';
import { type ExitRecord, readExit, watchExits } from './runtime/index.ts';

/** Learns of all ends from now on, and of those that nobody has dealt with yet. */
export function followExits(context: Context): Promise<Disposable> {
  const { paths, table, log } = context;
  return watchExits(
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
    (error) => log.error(`the end of a container could not be dealt with: ${error.message}`),
  );
}

/** How a container ended that nobody watched; undefined when conmon has not said. */
export async function findExit({ exits }: Paths, id: string): Promise<ExitRecord | undefined> {
  return (await readExit(exits, id)) ?? readExit(exits, `${id}.claimed`);
}
