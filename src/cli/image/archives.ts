/**
 * @module `pontoon load`, `save`, `import` and `export`: images and roots as tar archives, from and to files or the
 * standard streams.
 */

import { createReadStream, createWriteStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Command } from 'commander';
import { PontoonError } from '../../errors.ts';
import type { ApiClient, Query } from '../api/client.ts';
import { printLine, withApi } from '../session.ts';
import { pass } from '../stream/demultiplex.ts';
import { several } from '../values.ts';
import { platformOption } from './platform.ts';
import { type ProgressMessage, showProgress } from './progress.ts';
import { splitReference } from './reference.ts';

export function defineLoad(command: Command): void {
  command
    .option('-i, --input <file>', 'read this file instead of standard input')
    .addOption(platformOption())
    .option('-q, --quiet', 'no progress')
    .action(({ input, platform, quiet }: { input?: string; platform?: string; quiet?: true }) =>
      withApi(command, async (api) => {
        if (input === undefined && process.stdin.isTTY) {
          throw new PontoonError('bad-value', 'no archive to load: give a file with -i, or pipe one to standard input');
        }
        const archive = await source(input);
        const query = { platform, quiet: quiet ?? !process.stdout.isTTY };
        await showProgress(api.messages<ProgressMessage>('POST', '/images/load', { query, archive }), process.stdout);
      }),
    );
}

export function defineSave(command: Command): void {
  command
    .argument('<image...>', 'names or IDs')
    .option('-o, --output <file>', 'write this file instead of standard output')
    .addOption(platformOption())
    .action((names: string[], { output, platform }: { output?: string; platform?: string }) =>
      withApi(command, (api) => write(api, '/images/get', { names, platform }, output)),
    );
}

export function defineExport(command: Command): void {
  command
    .argument('<container>', 'name or ID')
    .option('-o, --output <file>', 'write this file instead of standard output')
    .action((container: string, { output }: { output?: string }) =>
      withApi(command, (api) => write(api, `/containers/${container}/export`, {}, output)),
    );
}

async function write(api: ApiClient, path: string, query: Query, output: string | undefined): Promise<void> {
  if (output === undefined && process.stdout.isTTY) {
    throw new PontoonError('bad-value', 'a terminal cannot show an archive: name a file with -o, or redirect');
  }
  const { body } = await api.open('GET', path, { query });
  if (output === undefined) await pass(body, process.stdout);
  else await writeWhole(body, output);
}

export function defineImport(command: Command): void {
  command
    .argument('<file>', "a tar archive of a root, or '-'")
    .argument('[name]', 'NAME[:TAG]')
    .addOption(several('-c, --change <instruction>', 'a setting, such as CMD ["sh"]'))
    .option('-m, --message <text>', 'a comment')
    .option('--platform <platform>', 'OS and architecture')
    .action(
      (file: string, name: string | undefined, flags: { change?: string[]; message?: string; platform?: string }) =>
        withApi(command, async (api) => {
          const { repository: repo, tag } = name === undefined ? {} : splitReference(name);
          const { change: changes, message, platform } = flags;
          const messages = api.messages<ProgressMessage>('POST', '/images/create', {
            query: { fromSrc: '-', repo, tag, changes, message, platform },
            archive: await source(file === '-' ? undefined : file),
          });
          for await (const { status, error, errorDetail } of messages) {
            const failure = errorDetail?.message ?? error;
            if (failure !== undefined) throw new PontoonError('bad-value', failure);
            printLine(status ?? '');
          }
        }),
    );
}

/** Opened at once, so that a file that is not there is found before the daemon is asked. */
async function source(file: string | undefined): Promise<Readable> {
  if (file === undefined) return process.stdin;
  const handle = await open(file);
  return createReadStream(file, { fd: handle });
}

/** The file is there whole, or as it was before. */
async function writeWhole(body: Readable, file: string): Promise<void> {
  const partial = `${file}.${process.pid}.part`;
  try {
    await pipeline(body, createWriteStream(partial, { mode: 0o600 }));
    await rename(partial, file);
  } finally {
    await rm(partial, { force: true });
  }
}
