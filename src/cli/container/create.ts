/**
 * @module `pontoon create`, and the part of `run` that is the same: make the container, and pull its image when it is
 * not here.
 */

import { existsSync, writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { PontoonError } from '../../errors.ts';
import { type ApiClient, ApiError } from '../api/client.ts';
import { EXIT, RunFailure } from '../failure.ts';
import { printLine, withApi } from '../session.ts';
import { windowSize } from '../stream/window.ts';
import { type CreateBody, createBody } from './create-body.ts';
import { addCreateFlags, type CreateFlags } from './flags.ts';

export function defineCreate(command: Command): void {
  addCreateFlags(
    command.argument('<image>').argument('[command...]', "instead of the image's command, with arguments"),
  ).action((image: string, args: string[], flags: CreateFlags) =>
    withApi(command, async (api) => {
      const body = createBody(image, args, flags, { detach: false, size: windowSize() });
      printLine(await createContainer(api, body, flags));
    }).catch((error: unknown) => {
      throw new RunFailure(EXIT.failure, error);
    }),
  );
}

/** Makes it; its ID. Warnings go to standard error. @throws ApiError, PontoonError */
export async function createContainer(api: ApiClient, body: CreateBody, flags: CreateFlags): Promise<string> {
  const { cidfile, pull, name, platform } = flags;
  if (cidfile !== undefined && existsSync(cidfile)) {
    throw new PontoonError('bad-value', `the file ${cidfile} is there already: does another container have it?`);
  }
  const fetch = async () => {
    const { pullImage } = await import('../image/pull.ts');
    await pullImage(api, body.Image, { platform, quiet: flags.quiet ?? false, output: process.stderr });
  };
  const create = () =>
    api.post<{ Id: string; Warnings?: string[] | null }>('/containers/create', {
      query: { name, platform },
      json: body,
    });
  if (pull === 'always') await fetch();
  let made: Awaited<ReturnType<typeof create>>;
  try {
    made = await create();
  } catch (error) {
    if (pull !== 'missing' || !ApiError.is(error, 404)) throw error;
    if (!flags.quiet) process.stderr.write(`Unable to find image '${withTag(body.Image)}' locally\n`);
    await fetch();
    made = await create();
  }
  for (const warning of made.Warnings ?? []) process.stderr.write(`WARNING: ${warning}\n`);
  if (cidfile !== undefined) writeFileSync(cidfile, made.Id);
  return made.Id;
}

function withTag(image: string): string {
  return /[:@][^/]*$/.test(image) ? image : `${image}:latest`;
}
