/**
 * @module `pontoon start`, and `container attach`: containers that are there already, with or without their streams.
 */

import { type Command, Option } from 'commander';
import { PontoonError } from '../../errors.ts';
import type { ApiClient } from '../api/client.ts';
import { ExitStatus } from '../failure.ts';
import { forEachNamed, withApi } from '../session.ts';
import { converse } from '../stream/converse.ts';
import { forwardSignals } from '../stream/signals.ts';
import { followWindow } from '../stream/window.ts';
import { awaitEnd, notATerminal } from './run.ts';

interface Inspection {
  readonly Id: string;
  readonly Config: { readonly Tty: boolean; readonly OpenStdin: boolean };
  readonly State: { readonly Running: boolean; readonly Paused: boolean; readonly Restarting: boolean };
  readonly HostConfig: { readonly AutoRemove: boolean };
}

interface StartFlags {
  readonly attach?: true;
  readonly detachKeys?: string;
  readonly interactive?: true;
}

export function defineStart(command: Command): void {
  command
    .argument('<container...>', 'names or IDs')
    .option('-a, --attach', 'print what it writes, forward signals, and end as it ends')
    .option('--detach-keys <keys>', 'the keys that leave the container running (default: ctrl-p,ctrl-q)')
    .option('-i, --interactive', 'with standard input')
    .action((refs: string[], flags: StartFlags) => {
      const { attach, interactive = false } = flags;
      if (!attach && !interactive) {
        return forEachNamed(command, refs, (api, ref) => api.post(`/containers/${ref}/start`));
      }
      if (refs.length > 1) throw new PontoonError('bad-value', 'cannot attach to several containers at once: name one');
      return withApi(command, async (api) => {
        const container = await api.get<Inspection>(`/containers/${refs[0]!}/json`);
        const start = () => api.post(`/containers/${container.Id}/start`);
        await follow(api, container, { ...flags, stdin: interactive, sigProxy: !container.Config.Tty, start });
      });
    });
}

interface AttachFlags {
  readonly detachKeys?: string;
  readonly sigProxy: boolean;
  readonly stdin: boolean;
}

export function defineAttachContainer(command: Command): void {
  command
    .argument('<container>', 'name or ID')
    .option('--detach-keys <keys>', 'the keys that leave the container running (default: ctrl-p,ctrl-q)')
    .option('--no-stdin', 'without standard input')
    .addOption(new Option('--no-sig-proxy', 'keep signals from the process'))
    .addOption(new Option('--sig-proxy', 'forward signals to the process').default(true))
    .action((ref: string, flags: AttachFlags) =>
      withApi(command, async (api) => {
        const container = await api.get<Inspection>(`/containers/${ref}/json`);
        const { Running, Paused, Restarting } = container.State;
        if (!Running) throw notNow(ref, 'does not run: start it first');
        if (Paused) throw notNow(ref, 'is paused: unpause it first');
        if (Restarting) throw notNow(ref, 'is restarting: wait until it runs');
        await follow(api, container, flags);
      }),
    );
}

interface Following extends AttachFlags {
  readonly start?: () => Promise<unknown>;
}

/** @throws ExitStatus, when the process has ended */
async function follow(api: ApiClient, { Id, Config, HostConfig }: Inspection, options: Following): Promise<void> {
  const { Tty: tty, OpenStdin } = Config;
  const stdin = options.stdin && OpenStdin;
  const { detachKeys, sigProxy, start } = options;
  if (tty && stdin && !process.stdin.isTTY) throw notATerminal();
  const condition = start === undefined ? 'not-running' : HostConfig.AutoRemove ? 'removed' : 'next-exit';
  const ended = awaitEnd(api, Id, condition);
  using _signals = sigProxy ? forwardSignals(api, Id) : undefined;
  const stream = await api.hijack(`/containers/${Id}/attach`, {
    query: { stream: true, stdin, stdout: true, stderr: true, detachKeys },
  });
  const conversation = converse(stream, { stdin, tty, detachKeys });
  conversation.catch(() => {}); // looked at below, when it has started
  await start?.().catch((error: unknown) => {
    stream.destroy();
    throw error;
  });
  using _window = tty ? followWindow(api, `/containers/${Id}`) : undefined;
  if ((await conversation) === 'detached') return;
  throw new ExitStatus(await ended());
}

function notNow(ref: string, why: string): PontoonError {
  return new PontoonError('bad-value', `cannot attach: container ${ref} ${why}`, { subject: ref });
}
