/**
 * @module What every command does: it opens an engine for its own short life, prints the outcome as text or JSON, and
 * goes on with the next argument when one fails.
 *
 * The engine is loaded when it is needed, so that help and wrong usage are answered without it.
 */

import { type Command, Option } from 'commander';
import type { Engine } from '../network/engine.ts';
import { describeFailure } from './failure.ts';
import { directory } from './values.ts';

/** The flags that all commands take. */
export interface GlobalFlags {
  readonly format: 'text' | 'json';
  readonly dataRoot: string;
  readonly runRoot: string;
}

export const GLOBAL_OPTIONS: readonly Option[] = [
  new Option('--format <format>', 'how to print: text, or json').choices(['text', 'json']).default('text'),
  new Option('--data-root <directory>', 'what outlives a reboot: networks, leases, events')
    .env('PONTOON_DATA_ROOT')
    .argParser(directory)
    .default('/var/lib/pontoon'),
  new Option('--run-root <directory>', 'what a reboot takes: namespaces, rendered files, the lock')
    .env('PONTOON_RUN_ROOT')
    .argParser(directory)
    .default('/run/pontoon'),
];

export function globalFlags(command: Command): GlobalFlags {
  return command.optsWithGlobals<GlobalFlags>();
}

/** Runs one command on an engine that ends with it. @throws PontoonError */
export async function withEngine(command: Command, run: (engine: Engine) => unknown): Promise<void> {
  const { dataRoot, runRoot } = globalFlags(command);
  const { openEngine } = await import('../network/engine.ts');
  await using engine = await openEngine({ dataRoot, runRoot, onError: (error) => report(command, error) });
  await run(engine);
}

/** Does something to each of what the arguments name, and prints the names of those it was done to. */
export function forEachNamed(
  command: Command,
  refs: readonly string[],
  work: (engine: Engine, ref: string) => Promise<void>,
): Promise<void> {
  return withEngine(command, async (engine) => {
    const done = await attemptEach(command, refs, async (ref) => {
      await work(engine, ref);
      return ref;
    });
    print(command, done, () => done.join('\n'));
  });
}

/** Prints as JSON, whatever the format, all that the arguments name. */
export function inspectEach(
  command: Command,
  refs: readonly string[],
  find: (engine: Engine, ref: string) => unknown,
): Promise<void> {
  return withEngine(command, async (engine) => {
    writeJson(await attemptEach(command, refs, (ref) => find(engine, ref)));
  });
}

/** Prints an outcome: `data` as JSON, or as text when that was asked for. An empty text prints nothing. */
export function print(command: Command, data: unknown, asText: () => string): void {
  if (globalFlags(command).format === 'json') {
    writeJson(data);
    return;
  }
  const text = asText();
  if (text !== '') process.stdout.write(`${text}\n`);
}

/** Prints a failure on standard error and sets the exit status; the process goes on. */
export function fail(command: Command, error: unknown): void {
  process.exitCode = report(command, error);
}

/** Does something for each argument; those that fail are reported, and the others done all the same. */
export async function attemptEach<T, R>(
  command: Command,
  items: readonly T[],
  work: (item: T) => R | Promise<R>,
): Promise<Awaited<R>[]> {
  const done: Awaited<R>[] = [];
  for (const item of items) {
    try {
      done.push(await work(item));
    } catch (error) {
      fail(command, error);
    }
  }
  return done;
}

/** Prints a failure on standard error; the exit status that it has. */
function report(command: Command, error: unknown): number {
  const { text, status } = describeFailure(error, globalFlags(command).format === 'json');
  process.stderr.write(`${text}\n`);
  return status;
}

function writeJson(data: unknown): void {
  process.stdout.write(`${JSON.stringify(data, undefined, 2)}\n`);
}
