/**
 * @module `pontoon watch`: the ledger of what changes on this host, until interrupted.
 */

import { type Command, Option } from 'commander';
import { describeChange, watchHost } from '../../observe/watch/index.ts';
import { globalFlags } from '../session.ts';

interface Flags {
  readonly format: 'text' | 'json';
}

export function defineWatch(command: Command): void {
  command
    .addOption(
      new Option('--format <format>', 'how to print; json: an object on each line')
        .choices(['text', 'json'])
        .default('text'),
    )
    .action(async ({ format }: Flags) => {
      const end = new AbortController();
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => end.abort());
      // Whoever reads the ledger went away: `pontoon watch | head`.
      process.stdout.once('error', () => end.abort());
      const { runRoot } = globalFlags(command);
      await watchHost({
        signal: end.signal,
        runRoot,
        tell: (change) =>
          process.stdout.write(`${format === 'json' ? JSON.stringify(change) : describeChange(change)}\n`),
        ready: (count) => process.stderr.write(`pontoon: watching ${count} namespace${count === 1 ? '' : 's'}\n`),
      });
    });
}
