/**
 * @module `pontoon events` and `reconcile`: what happens, and whether the kernel is as it should be.
 */

import type { Command } from 'commander';
import type { ReconcileReport } from '../network/types.ts';
import { EXIT } from './failure.ts';
import { formatEvent } from './format.ts';
import { globalFlags, print, withEngine } from './session.ts';
import { parseTime } from './times.ts';

export function addEngineCommands(program: Command): void {
  program
    .command('events')
    .description('print what happens, until interrupted; other commands run meanwhile. As JSON: one event a line')
    .option('--since <time>', 'begin in the past: 10m, 2025-01-31T12:00:00Z, or Unix seconds', (text) =>
      parseTime(text),
    )
    .addHelpText('after', '\nExample:\n  pontoon events --since 1h')
    .action(async ({ since }: { since?: number }, command: Command) => {
      const { format, dataRoot } = globalFlags(command);
      const interrupted = new AbortController();
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort());
      const { followLedger } = await import('../network/ledger.ts');
      const options = { signal: interrupted.signal, ...(since === undefined ? {} : { since }) };
      for await (const event of followLedger(dataRoot, options)) {
        process.stdout.write(`${format === 'json' ? JSON.stringify(event) : formatEvent(event)}\n`);
      }
    });

  program
    .command('reconcile')
    .description(
      'repair what was changed by hand, and remove what nobody owns; fails when something cannot be repaired',
    )
    .addHelpText('after', '\nExample:\n  pontoon reconcile')
    .action((_flags: unknown, command: Command) =>
      withEngine(command, async (engine) => {
        // Opening the engine has repaired already; a second look says whether that was all.
        const { opening } = engine;
        const { repaired, removed, failed } = await engine.reconcile();
        const report = {
          repaired: [...opening.repaired, ...repaired],
          removed: [...opening.removed, ...removed],
          failed,
        };
        print(command, report, () => textOf(report));
        if (failed.length > 0) process.exitCode = EXIT.failure;
      }),
    );
}

function textOf({ repaired, removed, failed }: ReconcileReport): string {
  const lines = [
    ...repaired.map((line) => `repaired: ${line}`),
    ...removed.map((line) => `removed: ${line}`),
    ...failed.map((line) => `failed: ${line}`),
  ];
  return lines.length === 0 ? 'everything is as it should be' : lines.join('\n');
}
