/**
 * @module `pontoon snapshot`: all that decides what packets do on this host, as one JSON document.
 */

import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { redactSnapshot } from '../../observe/snapshot/redact/redact.ts';
import { takeSnapshot } from '../../observe/snapshot/take.ts';
import { globalFlags } from '../session.ts';

interface SnapshotFlags {
  readonly output?: string;
  readonly redact?: boolean;
  readonly conntrack?: boolean;
  readonly indent?: boolean;
}

export function defineSnapshot(command: Command): void {
  command
    .option('-o, --output <file>', 'write it to a file that only its owner can read (default: standard output)')
    .option('--redact', 'put pseudonyms for names and public addresses, to show it to others')
    .option('--conntrack', 'list the tracked flows, too')
    .option('--indent', 'write it for people, with line breaks')
    .action(async (flags: SnapshotFlags) => {
      const { runRoot } = globalFlags(command);
      const taken = await takeSnapshot({ conntrack: flags.conntrack === true, runRoot });
      const snapshot = flags.redact === true ? redactSnapshot(taken) : taken;
      const text = `${JSON.stringify(snapshot, undefined, flags.indent === true ? 2 : undefined)}\n`;
      if (flags.output === undefined || flags.output === '-') process.stdout.write(text);
      else writeFileSync(flags.output, text, { mode: 0o600 });
      for (const { what, message } of snapshot.notes) process.stderr.write(`pontoon: ${what}: ${message}\n`);
    });
}
