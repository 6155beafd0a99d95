/**
 * @module `pontoon inspect`, and that of each kind: everything about things, as JSON or as a template takes it.
 */

import { type Command, Option } from 'commander';
import { PontoonError } from '../../errors.ts';
import { type ApiClient, ApiError, type Query } from '../api/client.ts';
import { platformOption } from '../image/platform.ts';
import { CONTAINER, IMAGE, NETWORK, VOLUME } from '../output/go-types.ts';
import { stringifyExact } from '../output/json.ts';
import { compileFormat } from '../output/value.ts';
import { attemptEach, withApi, withNetworkApi } from '../session.ts';

/** What can be inspected, in the order in which a name is looked for. */
const KINDS = {
  container: { path: (ref: string) => `/containers/${ref}/json`, type: CONTAINER },
  image: { path: (ref: string) => `/images/${ref}/json`, type: IMAGE },
  network: { path: (ref: string) => `/networks/${ref}`, type: NETWORK },
  volume: { path: (ref: string) => `/volumes/${ref}`, type: VOLUME },
  sandbox: { path: (ref: string) => `/pontoon/sandboxes/${ref}`, type: undefined },
} as const;

export type Kind = keyof typeof KINDS;

interface InspectFlags {
  readonly format?: string;
  readonly platform?: string;
  readonly size?: true;
  readonly type?: Kind;
  readonly verbose?: true;
}

export function defineInspect(command: Command): void {
  withFlags(command)
    .addOption(new Option('--type <kind>', 'only things of this kind').choices(Object.keys(KINDS)))
    .action((refs: string[], flags: InspectFlags) =>
      inspectEach(command, refs, flags, flags.type === undefined ? (Object.keys(KINDS) as Kind[]) : [flags.type]),
    );
}

export function defineInspectOf(kind: Kind): (command: Command) => void {
  return (command) => {
    if (kind === 'image') command.addOption(platformOption());
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

async function inspectEach(command: Command, refs: string[], flags: InspectFlags, kinds: readonly Kind[]) {
  const { format } = flags;
  const needsDaemon = kinds.every((kind) => kind !== 'network' && kind !== 'sandbox');
  const print = format === undefined ? undefined : compileFormat(format);
  await (needsDaemon ? withApi : withNetworkApi)(command, async (api) => {
    const found = await attemptEach(refs, (ref) => find(api, ref, kinds, flags));
    const lines = print && (await attemptEach(found, ({ value, kind }) => `${print(value, KINDS[kind].type)}\n`));
    process.stdout.write(
      lines?.join('') ??
        `${stringifyExact(
          found.map(({ value }) => value),
          4,
        )}\n`,
    );
  });
}

async function find(
  api: ApiClient,
  ref: string,
  kinds: readonly Kind[],
  { size, platform }: InspectFlags,
): Promise<{ value: unknown; kind: Kind }> {
  const queries: Partial<Record<Kind, Query>> = { container: { size }, image: { platform } };
  for (const kind of kinds) {
    try {
      return { value: await api.getExact(KINDS[kind].path(ref), queries[kind]), kind };
    } catch (error) {
      // 400: what cannot be the name of an image may be that of something else.
      const isAbsent = ApiError.is(error, 404) || ApiError.is(error, 400);
      if (!isAbsent || kinds.length === 1) throw error;
    }
  }
  throw new PontoonError('sandbox-not-found', `No such object: ${ref}`, { subject: ref });
}
