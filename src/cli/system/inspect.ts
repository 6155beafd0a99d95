/**
 * @module `pontoon inspect`, and that of each kind: everything about things, as JSON or as a template takes it.
 */

import { type Command, Option } from 'commander';
import { PontoonError } from '../../errors.ts';
import { type ApiClient, ApiError } from '../api/client.ts';
import { stringifyExact } from '../output/json.ts';
import { formatValue } from '../output/value.ts';
import { attemptEach, withApi, withNetworkApi } from '../session.ts';

/** What can be inspected, in the order in which a name is looked for. */
const PATHS = {
  container: (ref: string) => `/containers/${ref}/json`,
  image: (ref: string) => `/images/${ref}/json`,
  network: (ref: string) => `/networks/${ref}`,
  volume: (ref: string) => `/volumes/${ref}`,
  sandbox: (ref: string) => `/pontoon/sandboxes/${ref}`,
} as const;

export type Kind = keyof typeof PATHS;

interface InspectFlags {
  readonly format?: string;
  readonly size?: true;
  readonly type?: Kind;
  readonly verbose?: true;
}

export function defineInspect(command: Command): void {
  withFlags(command)
    .addOption(new Option('--type <kind>', 'only things of this kind').choices(Object.keys(PATHS)))
    .action((refs: string[], flags: InspectFlags) =>
      inspectEach(command, refs, flags, flags.type === undefined ? (Object.keys(PATHS) as Kind[]) : [flags.type]),
    );
}

export function defineInspectOf(kind: Kind): (command: Command) => void {
  return (command) => {
    withFlags(command).action((refs: string[], flags: InspectFlags) => inspectEach(command, refs, flags, [kind]));
  };
}

function withFlags(command: Command): Command {
  return command
    .argument('<name...>', 'names or IDs')
    .option('-f, --format <format>', "'json' or a Go template")
    .option('-s, --size', 'containers: with their sizes')
    .option('-v, --verbose', 'accepted');
}

async function inspectEach(command: Command, refs: string[], { format, size }: InspectFlags, kinds: readonly Kind[]) {
  const needsDaemon = kinds.every((kind) => kind !== 'network' && kind !== 'sandbox');
  await (needsDaemon ? withApi : withNetworkApi)(command, async (api) => {
    const found = await attemptEach(refs, (ref) => find(api, ref, kinds, size));
    if (format === undefined) process.stdout.write(`${stringifyExact(found, 4)}\n`);
    else for (const thing of found) process.stdout.write(`${formatValue(thing, format)}\n`);
  });
}

async function find(api: ApiClient, ref: string, kinds: readonly Kind[], size: boolean | undefined): Promise<unknown> {
  for (const kind of kinds) {
    try {
      return await api.getExact(PATHS[kind](ref), kind === 'container' ? { size } : {});
    } catch (error) {
      // 400: what cannot be the name of an image may be that of something else.
      const isAbsent = ApiError.is(error, 404) || ApiError.is(error, 400);
      if (!isAbsent || kinds.length === 1) throw error;
    }
  }
  throw new PontoonError('sandbox-not-found', `No such object: ${ref}`, { subject: ref });
}
