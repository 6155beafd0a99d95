/**
 * @module `pontoon update`: limits and restart policies of containers, while they run.
 */

import type { Command } from 'commander';
import { attemptEach, printLine, withApi } from '../session.ts';
import { resourcesOf } from './create-body.ts';
import { addResourceFlags, type ResourceFlags } from './flags.ts';

export function defineUpdate(command: Command): void {
  addResourceFlags(command.argument('<container...>', 'names or IDs'))
    .option('--restart <policy>', 'no, always, unless-stopped, on-failure[:RETRIES]')
    .action((refs: string[], flags: ResourceFlags) => {
      const json = resourcesOf(flags);
      return withApi(command, (api) =>
        attemptEach(refs, async (ref) => {
          const { Warnings } = await api.post<{ Warnings: string[] | null }>(`/containers/${ref}/update`, { json });
          for (const warning of Warnings ?? []) process.stderr.write(`WARNING: ${warning}\n`);
          printLine(ref);
        }),
      );
    });
}
