/**
 * @module `pontoon logs`: what a container wrote, and with -f what it writes.
 */

import type { Command } from 'commander';
import { withApi } from '../session.ts';
import { demultiplex, pass } from '../stream/demultiplex.ts';
import { timeOf } from '../times.ts';

interface LogFlags {
  readonly details?: true;
  readonly follow?: true;
  readonly since?: string;
  readonly tail: string;
  readonly timestamps?: true;
  readonly until?: string;
}

export function defineLogs(command: Command): void {
  command
    .argument('<container>', 'name or ID')
    .option('--details', 'with the labels that the log driver was told to keep')
    .option('-f, --follow', 'go on until the container ends')
    .option('--since <time>', 'from then on: 10m (ago), 2025-01-31T12:00:00Z, or Unix seconds')
    .option('-n, --tail <lines>', "only the last so many lines, or 'all'", 'all')
    .option('-t, --timestamps', 'with the time of each line')
    .option('--until <time>', 'up to then')
    .action((container: string, flags: LogFlags) =>
      withApi(command, async (api) => {
        const path = `/containers/${container}`;
        const { Config } = await api.get<{ Config: { Tty: boolean } }>(`${path}/json`);
        const { details, follow, since, tail, timestamps, until } = flags;
        const { body } = await api.open('GET', `${path}/logs`, {
          query: {
            stdout: true,
            stderr: true,
            details,
            follow,
            tail,
            timestamps,
            since: timeOf(since),
            until: timeOf(until),
          },
        });
        await (Config.Tty ? pass(body, process.stdout) : demultiplex(body, process.stdout, process.stderr));
      }),
    );
}
