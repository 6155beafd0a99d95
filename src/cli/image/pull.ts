/**
 * @module `pontoon pull`, and the pull that `run` and `create` do for an image that is not here.
 */

import type { Command } from 'commander';
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
    .option('-a, --all-tags', 'everything that has this name')
    .option('--disable-content-trust', 'accepted; images are checked by their digests')
    .option('--platform <platform>', 'OS and architecture, such as linux/arm64')
    .option('-q, --quiet', 'print the name only')
    .action((image: string, { allTags, platform, quiet = false }: PullFlags) =>
      withApi(command, async (api) => {
        const { repository, tag, digest } = splitReference(image);
        if (!quiet && !allTags && tag === undefined && digest === undefined) printLine('Using default tag: latest');
        await pullImage(api, image, { platform, quiet, allTags, output: process.stdout });
        printLine(tag === undefined && digest === undefined && !allTags ? `${repository}:latest` : image);
      }),
    );
}

export interface PullOptions {
  readonly platform: string | undefined;
  readonly quiet: boolean;
  readonly allTags?: boolean | undefined;
  readonly output: NodeJS.WriteStream;
}

/** @throws ApiError */
export async function pullImage(api: ApiClient, image: string, options: PullOptions): Promise<void> {
  const { platform, quiet, allTags, output } = options;
  const { repository, tag = 'latest', digest } = splitReference(image);
  const messages = api.messages<ProgressMessage>('POST', '/images/create', {
    query: { fromImage: repository, tag: allTags ? undefined : (digest ?? tag), platform },
    headers: credentialsFor(registryOf(repository)),
  });
  await showProgress(quiet ? failuresOf(messages) : messages, output);
}

async function* failuresOf(messages: AsyncIterable<ProgressMessage>): AsyncGenerator<ProgressMessage> {
  for await (const message of messages)
    if (message.error !== undefined || message.errorDetail !== undefined) yield message;
}
