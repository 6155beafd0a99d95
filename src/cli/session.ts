/**
 * @module What every command does: it finds the API, prints the outcome, and goes on with the next argument when one
 * fails.
 *
 * Networks and sandboxes need no daemon: while none answers, the API is made in this process, for the command's own
 * short life.
 */

import { type Command, Option } from 'commander';
import { ApiClient } from './api/client.ts';
import { findHost, type HostFlags, isHostNamed } from './api/host.ts';
import { httpTransport } from './api/http.ts';
import { withStandIn } from './api/stand-in.ts';
import { type Transport, Unreachable } from './api/transport.ts';
import { describeFailure } from './failure.ts';
import { directory } from './values.ts';

/** The flags that stand before the command. */
export interface GlobalFlags extends HostFlags {
  readonly dataRoot: string;
  readonly runRoot: string;
}

export const GLOBAL_OPTIONS: readonly Option[] = [
  new Option('-H, --host <host>', 'the daemon: unix:///PATH, or tcp://HOST:PORT with client certificates'),
  new Option('--config <directory>', 'credentials and certificates are there (default: ~/.docker)').hideHelp(),
  new Option('-c, --context <name>', 'accepted: default').choices(['default']).hideHelp(),
  new Option('-D, --debug', 'accepted').hideHelp(),
  new Option('-l, --log-level <level>', 'accepted').choices(['debug', 'info', 'warn', 'error', 'fatal']).hideHelp(),
  new Option('--tls', 'accepted: tcp is spoken with TLS only').hideHelp(),
  new Option('--tlsverify', 'accepted: both sides show certificates, always').hideHelp(),
  new Option('--tlscacert <file>', 'tcp: trust certificates that this authority signed').hideHelp(),
  new Option('--tlscert <file>', 'tcp: the client certificate').hideHelp(),
  new Option('--tlskey <file>', 'tcp: its key').hideHelp(),
  new Option('--data-root <directory>', 'without a daemon: what outlives a reboot (networks, leases, events)')
    .env('PONTOON_DATA_ROOT')
    .argParser(directory)
    .default('/var/lib/pontoon'),
  new Option('--run-root <directory>', 'without a daemon: what a reboot takes (namespaces, rendered files, the lock)')
    .env('PONTOON_RUN_ROOT')
    .argParser(directory)
    .default('/run/pontoon'),
];

export function globalFlags(command: Command): GlobalFlags {
  return command.optsWithGlobals<GlobalFlags>();
}

/** The daemon's API. @throws PontoonError bad-value */
export function openApi(command: Command): ApiClient {
  return new ApiClient(httpTransport(findHost(globalFlags(command))));
}

/** Runs one command on the daemon's API. @throws ApiError, Unreachable */
export async function withApi(command: Command, run: (api: ApiClient) => unknown): Promise<void> {
  await using api = openApi(command);
  await run(api);
}

/** As withApi, but while no daemon answers on this machine, the API is made here. @throws PontoonError too */
export async function withNetworkApi(command: Command, run: (api: ApiClient) => unknown): Promise<void> {
  const flags = globalFlags(command);
  const daemon = httpTransport(findHost(flags));
  const mayStandIn = !isHostNamed(flags);
  await using api = new ApiClient(mayStandIn ? withStandIn(daemon, () => openLocal(command)) : daemon);
  await run(api);
}

async function openLocal(command: Command): Promise<Transport> {
  const { dataRoot, runRoot } = globalFlags(command);
  const { localTransport } = await import('./api/local.ts');
  return localTransport({ dataRoot, runRoot, onError: (error) => report(error) });
}

/** Does something to each of what the arguments name, and prints the names of those it was done to. */
export function forEachNamed(
  command: Command,
  refs: readonly string[],
  work: (api: ApiClient, ref: string) => Promise<unknown>,
  open: typeof withApi = withApi,
): Promise<void> {
  return open(command, async (api) => {
    // The daemon does what is slow for all at the same time; this process takes one thing after the other.
    const started = open === withApi ? refs.map((ref) => settle(work(api, ref))) : undefined;
    await attemptEach([...refs.entries()], async ([index, ref]) => {
      const outcome = await (started?.[index] ?? settle(work(api, ref)));
      if ('error' in outcome) throw outcome.error;
      printLine(ref);
    });
  });
}

/** Waits without throwing: its failure is looked at in its turn. */
function settle(work: Promise<unknown>): Promise<object | { readonly error: unknown }> {
  return work.then(
    () => ({}),
    (error: unknown) => ({ error }),
  );
}

/** Prints a line, unless it is empty. */
export function printLine(text: string): void {
  if (text !== '') process.stdout.write(`${text}\n`);
}

/** Prints a failure on standard error and sets the exit status; the process goes on. */
export function fail(error: unknown): void {
  process.exitCode = report(error);
}

/** Does something for each argument; those that fail are reported, and the others done all the same. */
export async function attemptEach<T, R>(items: readonly T[], work: (item: T) => R | Promise<R>): Promise<Awaited<R>[]> {
  const done: Awaited<R>[] = [];
  for (const item of items) {
    try {
      done.push(await work(item));
    } catch (error) {
      if (error instanceof Unreachable) throw error;
      fail(error);
    }
  }
  return done;
}

/** Prints a failure on standard error; the exit status that it has. */
function report(error: unknown): number {
  const { text, status } = describeFailure(error);
  if (text !== '') process.stderr.write(`${text}\n`);
  return status;
}
