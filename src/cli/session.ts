/**
 * @module What every command does: it opens an engine for its own short life, prints the outcome as text or JSON, and
 * goes on with the next argument when one fails.
 *
 * The engine is loaded when it is needed, so that help and wrong usage are answered without it.
 */

import { type Command, Option } from 'commander';
import type { Engine } from '../network/engine.ts';
import { describeFailure } from './failure.ts';

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
    .default('/var/lib/pontoon'),
  new Option('--run-root <directory>', 'what a reboot takes: namespaces, rendered files, the lock')
    .env('PONTOON_RUN_ROOT')
    .default('/run/pontoon'),
];

export function globalFlags(command: Command): GlobalFlags {
  return command.optsWithGlobals<GlobalFlags>();
}

/** Runs one command on an engine that ends with it. @throws PontoonError */
export async function withEngine(command: Command, run: (engine: Engine) => unknown): Promise<void> {
  const { dataRoot, runRoot } = globalFlags(command);
  const { openEngine } = await import('../network/engine.ts');
  await using engine = await openEngine({ dataRoot, runRoot });
  await run(engine);
}

/** Prints an outcome: `data` as JSON, or as text when that was asked for. An empty text prints nothing. */
export function print(command: Command, data: unknown, asText: () => string): void {
  const text = globalFlags(command).format === 'json' ? JSON.stringify(data, undefined, 2) : asText();
  if (text !== '') process.stdout.write(`${text}\n`);
}

/** Prints a failure on standard error and sets the exit status; the process goes on. */
export function fail(command: Command, error: unknown): void {
  const { text, status } = describeFailure(error, globalFlags(command).format === 'json');
  process.stderr.write(`${text}\n`);
  process.exitCode = status;
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
