/**
 * @module `pontoon doctor`: all that is wrong with this host, without a question. Exit status 0: nothing; 1: something;
 * 2: the snapshot cannot be read.
 */

import { type Command, Option } from 'commander';
import { describeFindings, examine, isHealthy } from '../../observe/doctor/index.ts';
import { answering } from './question.ts';
import { obtainSnapshot } from './saved.ts';

interface Flags {
  readonly snapshot?: string;
  readonly format: 'text' | 'json';
}

export function defineDoctor(command: Command): void {
  command
    .option('--snapshot <file>', "examine a saved snapshot, such as somebody else's, instead of this host")
    .addOption(new Option('--format <format>', 'how to print').choices(['text', 'json']).default('text'))
    .action((flags: Flags) =>
      answering(async () => {
        const snapshot = await obtainSnapshot(command, flags.snapshot, {});
        const findings = examine(snapshot);
        const { notes } = snapshot;
        const document = { healthy: isHealthy(findings), findings, notes };
        const text = flags.format === 'json' ? JSON.stringify(document, undefined, 2) : describeFindings(findings);
        process.stdout.write(`${text}\n`);
        if (flags.format === 'text') for (const { message } of notes) process.stderr.write(`pontoon: ${message}\n`);
        return isHealthy(findings) ? 0 : 1;
      }),
    );
}
