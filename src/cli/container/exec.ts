/**
 * @module `pontoon exec`: a command in a running container. It ends with the command's exit status.
 */

import type { Command } from 'commander';
import type { ApiClient } from '../api/client.ts';
import { describeFailure, EXIT, ExitStatus, RunFailure } from '../failure.ts';
import { withApi } from '../session.ts';
import { converse } from '../stream/converse.ts';
import { followWindow, windowSize } from '../stream/window.ts';
import { environment, several, withoutUndefined } from '../values.ts';
import { notATerminal, startStatus } from './run.ts';

interface ExecFlags {
  readonly detach?: true;
  readonly detachKeys?: string;
  readonly env?: readonly string[];
  readonly envFile?: readonly string[];
  readonly interactive?: true;
  readonly privileged?: true;
  readonly tty?: true;
  readonly user?: string;
  readonly workdir?: string;
}

export function defineExec(command: Command): void {
  command
    .argument('<container>', 'name or ID')
    .argument('<command>')
    .argument('[argument...]')
    .option('-d, --detach', 'in the background')
    .option('--detach-keys <keys>', 'the keys that leave the command running (default: ctrl-p,ctrl-q)')
    .addOption(several('-e, --env <name=value>', "a variable; NAME alone has this shell's value"))
    .addOption(several('--env-file <file>', 'a file of variables'))
    .option('-i, --interactive', 'keep standard input open')
    .option('--privileged', 'with all capabilities')
    .option('-t, --tty', 'with a terminal')
    .option('-u, --user <user>', 'USER[:GROUP], by name or number')
    .option('-w, --workdir <path>', 'working directory')
    .action((container: string, program: string, args: string[], flags: ExecFlags) =>
      withApi(command, (api) => execute(api, container, [program, ...args], flags)),
    );
}

async function execute(api: ApiClient, container: string, words: readonly string[], flags: ExecFlags): Promise<void> {
  const [tty, detach, stdin] = [
    flags.tty ?? false,
    flags.detach ?? false,
    (flags.interactive ?? false) && !flags.detach,
  ];
  if (tty && stdin && !process.stdin.isTTY) throw notATerminal();
  const size = windowSize();
  const console = tty && size[0] > 0 ? { ConsoleSize: size } : {};
  const { Id: id } = await api.post<{ Id: string }>(`/containers/${container}/exec`, {
    json: {
      AttachStdin: stdin,
      AttachStdout: !detach,
      AttachStderr: !detach,
      Detach: detach,
      Tty: tty,
      Cmd: words,
      Privileged: flags.privileged ?? false,
      ...console,
      ...withoutUndefined({
        User: flags.user,
        WorkingDir: flags.workdir,
        DetachKeys: flags.detachKeys,
        Env: flags.env || flags.envFile ? environment(flags.env, flags.envFile) : undefined,
      }),
    },
  });
  const start = { json: { Detach: detach, Tty: tty, ...console } };
  try {
    if (detach) {
      await api.post(`/exec/${id}/start`, start);
      return;
    }
    const stream = await api.hijack(`/exec/${id}/start`, start);
    using _window = tty ? followWindow(api, `/exec/${id}`) : undefined;
    if ((await converse(stream, { stdin, tty, detachKeys: flags.detachKeys })) === 'detached') return;
  } catch (error) {
    const status = startStatus(describeFailure(error).text);
    throw new RunFailure(status === EXIT.cannotRun ? EXIT.failure : status, error);
  }
  const { ExitCode } = await api.get<{ ExitCode: number | null }>(`/exec/${id}/json`);
  if (ExitCode) throw new ExitStatus(ExitCode);
}
