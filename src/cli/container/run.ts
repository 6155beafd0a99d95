/**
 * @module `pontoon run`: make a container, connect with it, start it, and end as it ends.
 */

import { type Command, Option } from 'commander';
import { PontoonError } from '../../errors.ts';
import type { ApiClient } from '../api/client.ts';
import { describeFailure, EXIT, ExitStatus, RunFailure } from '../failure.ts';
import { printLine, withApi } from '../session.ts';
import { converse } from '../stream/converse.ts';
import { forwardSignals } from '../stream/signals.ts';
import { followWindow, windowSize } from '../stream/window.ts';
import { createContainer } from './create.ts';
import { createBody } from './create-body.ts';
import { addCreateFlags, type CreateFlags } from './flags.ts';

interface RunFlags extends CreateFlags {
  readonly detach?: true;
  readonly detachKeys?: string;
  readonly sigProxy: boolean;
}

export function defineRun(command: Command): void {
  addCreateFlags(command.argument('<image>').argument('[command...]', "instead of the image's command, with arguments"))
    .option('-d, --detach', 'in the background: print the ID and go')
    .option('--detach-keys <keys>', 'the keys that leave the container running (default: ctrl-p,ctrl-q)')
    .addOption(new Option('--no-sig-proxy', 'keep signals from the process'))
    .addOption(new Option('--sig-proxy', 'forward signals to the process').default(true))
    .action((image: string, args: string[], flags: RunFlags) =>
      withApi(command, (api) => run(api, image, args, flags)).catch((error: unknown) => {
        if (error instanceof ExitStatus || error instanceof RunFailure) throw error;
        throw new RunFailure(EXIT.cannotRun, error);
      }),
    );
}

async function run(api: ApiClient, image: string, args: readonly string[], flags: RunFlags): Promise<void> {
  const body = createBody(image, args, flags, { detach: flags.detach ?? false, size: windowSize() });
  if (body.Tty && body.AttachStdin && !process.stdin.isTTY) throw notATerminal();
  const id = await createContainer(api, body, flags);
  if (flags.detach) {
    await start(api, id);
    printLine(id);
    return;
  }
  const ended = awaitEnd(api, id, body.HostConfig.AutoRemove ? 'removed' : 'next-exit');
  using _signals = flags.sigProxy ? forwardSignals(api, id) : undefined;
  const { AttachStdin: stdin, AttachStdout: stdout, AttachStderr: stderr, Tty: tty } = body;
  const stream = await api.hijack(`/containers/${id}/attach`, {
    query: { stream: true, stdin, stdout, stderr, detachKeys: flags.detachKeys },
  });
  const conversation = converse(stream, { stdin, tty, detachKeys: flags.detachKeys });
  conversation.catch(() => {}); // looked at below, when it has started
  await start(api, id).catch((error: unknown) => {
    stream.destroy();
    throw error;
  });
  using _window = tty ? followWindow(api, `/containers/${id}`) : undefined;
  if ((await conversation) === 'detached') return;
  throw new ExitStatus(await ended());
}

/** 126 and 127 as a shell has them. @throws RunFailure */
async function start(api: ApiClient, id: string): Promise<void> {
  try {
    await api.post(`/containers/${id}/start`);
  } catch (error) {
    throw new RunFailure(startStatus(describeFailure(error).text), error);
  }
}

/** @see docker/cli, command/container/run.go, toStatusError */
export function startStatus(message: string): number {
  if (/executable file not found|no such file or directory/i.test(message)) return EXIT.notFound;
  if (/permission denied|is a directory/i.test(message)) return EXIT.notExecutable;
  return EXIT.cannotRun;
}

/** Asks at once, so that an early end is not missed; what it returns waits for the answer. @throws RunFailure */
export function awaitEnd(api: ApiClient, id: string, condition: 'next-exit' | 'removed' | 'not-running') {
  const answer = api.post<{ StatusCode: number; Error?: { Message: string } | null }>(`/containers/${id}/wait`, {
    query: { condition },
  });
  answer.catch(() => {}); // a start that fails says more
  return async (): Promise<number> => {
    const { StatusCode, Error: failure } = await answer;
    if (failure) throw new RunFailure(EXIT.cannotRun, new PontoonError('kernel', failure.Message));
    return StatusCode;
  };
}

export function notATerminal(): PontoonError {
  return new PontoonError('bad-value', 'the input device is not a terminal: leave -t or -i out');
}
