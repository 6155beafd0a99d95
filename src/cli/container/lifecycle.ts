/**
 * @module `pontoon stop`, `restart`, `kill`, `pause`, `unpause`, `wait`, `rm` and `rename`: one call for each container.
 */

import type { Command } from 'commander';
import { type ApiClient, ApiError, type Query } from '../api/client.ts';
import { attemptEach, forEachNamed, printLine, withApi } from '../session.ts';
import { integer } from '../values.ts';

interface StopFlags {
  readonly signal?: string;
  readonly time?: number;
  readonly timeout?: number;
}

/** A command that posts one verb for each container. */
function defineVerb(command: Command, verb: string, queryOf: (flags: StopFlags) => Query = () => ({})): void {
  withContainers(command).action((refs: string[], flags: StopFlags) =>
    forEachNamed(command, refs, (api, ref) => api.post(`/containers/${ref}/${verb}`, { query: queryOf(flags) })),
  );
}

function withContainers(command: Command): Command {
  return command.argument('<container...>', 'names or IDs');
}

function withStopFlags(command: Command): Command {
  return command
    .option('-s, --signal <signal>', 'the signal that asks it to end')
    .option('-t, --timeout <seconds>', 'how long to wait before it is killed; -1: for ever', integer)
    .option('--time <seconds>', 'the same', integer);
}

const stopQuery = ({ signal, time, timeout = time }: StopFlags): Query => ({ signal, t: timeout });

export const defineStop = (command: Command) => defineVerb(withStopFlags(command), 'stop', stopQuery);
export const defineRestart = (command: Command) => defineVerb(withStopFlags(command), 'restart', stopQuery);
export const definePause = (command: Command) => defineVerb(command, 'pause');
export const defineUnpause = (command: Command) => defineVerb(command, 'unpause');
export const defineKill = (command: Command) =>
  defineVerb(command.option('-s, --signal <signal>', 'the signal (default: KILL)'), 'kill', ({ signal }) => ({
    signal,
  }));

export function defineWait(command: Command): void {
  withContainers(command).action((refs: string[]) =>
    withApi(command, (api) =>
      attemptEach(refs, async (ref) => {
        const { StatusCode } = await api.post<{ StatusCode: number }>(`/containers/${ref}/wait`);
        printLine(String(StatusCode));
      }),
    ),
  );
}

export function defineRemove(command: Command): void {
  withContainers(command)
    .option('-f, --force', 'kill it when it runs; one that is not there is no error')
    .option('-l, --link', 'remove the link of that name')
    .option('-v, --volumes', 'with its anonymous volumes')
    .action((refs: string[], { force, link, volumes }: { force?: true; link?: true; volumes?: true }) =>
      withApi(command, (api) => attemptEach(refs, (ref) => remove(api, ref, { force, link, v: volumes }))),
    );
}

async function remove(api: ApiClient, ref: string, query: Query): Promise<void> {
  try {
    await api.delete(`/containers/${ref.replace(/^\//, '')}`, query);
    printLine(ref);
  } catch (error) {
    if (!query.force || !ApiError.is(error, 404)) throw error;
    process.stderr.write(`pontoon: ${error.message}\n`); // and all is well
  }
}

export function defineRename(command: Command): void {
  command
    .argument('<container>', 'name or ID')
    .argument('<name>', 'its new name')
    .action((ref: string, name: string) =>
      withApi(command, (api) => api.post(`/containers/${ref}/rename`, { query: { name } })),
    );
}
