/**
 * @module `pontoon pull`, and the pull that `run` and `create` do for an image that is not here.
 */

import type { Command } from 'commander';
import { PontoonError } from '../../errors.ts';
import type { ApiClient } from '../api/client.ts';
import { printLine, withApi } from '../session.ts';
import { credentialsFor } from './credentials.ts';
import { type ProgressMessage, showProgress } from './progress.ts';
import { registryOf, splitReference } from './reference.ts';

interface PullFlags {
  readonly allTags?: true;
  readonly platform?: string;
  readonly quiet?: boolean;
}

export function definePull(command: Command): void {
  command
    .argument('<image>', 'NAME[:TAG|@DIGEST]')
    .option('-a, --all-tags', 'refused: pull each by its tag')
    .option('--disable-content-trust', 'accepted; images are checked by their digests')
    .option('--platform <platform>', 'OS and architecture, such as linux/arm64')
    .option('-q, --quiet', 'print the name only')
    .action((image: string, { allTags, platform, quiet = false }: PullFlags) =>
      withApi(command, async (api) => {
        if (allTags) {
          const advice = `name each: pontoon pull ${image}:TAG`;
          throw new PontoonError('bad-value', `cannot pull all tags of '${image}': ${advice}`, { subject: image });
        }
        const { repository, tag, digest } = splitReference(image);
        if (!quiet && tag === undefined && digest === undefined) printLine('Using default tag: latest');
        await pullImage(api, image, { platform, quiet, output: process.stdout });
        printLine(tag === undefined && digest === undefined ? `${repository}:latest` : image);
      }),
    );
}

export interface PullOptions {
  readonly platform: string | undefined;
  readonly quiet: boolean;
  readonly output: NodeJS.WriteStream;
}

/** @throws ApiError */
export async function pullImage(api: ApiClient, image: string, options: PullOptions): Promise<void> {
  const { platform, quiet, output } = options;
  const { repository, tag = 'latest', digest } = splitReference(image);
  const messages = api.messages<ProgressMessage>('POST', '/images/create', {
    query: { fromImage: repository, tag: digest ?? tag, platform },
    headers: credentialsFor(registryOf(repository)),
  });
  await showProgress(quiet ? failuresOf(messages) : messages, output);
}

async function* failuresOf(messages: AsyncIterable<ProgressMessage>): AsyncGenerator<ProgressMessage> {
  for await (const message of messages)
    if (message.error !== undefined || message.errorDetail !== undefined) yield message;
}
