/**
 * @module `pontoon login` and `logout`: the daemon checks a user and password with the registry, and they are kept.
 */

import { createInterface } from 'node:readline/promises';
import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import { PontoonError } from '../../errors.ts';
import { printLine, withApi } from '../session.ts';
import { forgetCredentials, saveCredentials } from './credentials.ts';

interface LoginFlags {
  readonly password?: string;
  readonly passwordStdin?: true;
  readonly username?: string;
}

export function defineLogin(command: Command): void {
  command
    .argument('<server>', "the registry's host")
    .option('-u, --username <name>', 'the user')
    .option('-p, --password <password>', 'the password: others on this machine may see it in the list of processes')
    .option('--password-stdin', 'read the password from standard input')
    .action((serveraddress: string, flags: LoginFlags) =>
      withApi(command, async (api) => {
        const { username, password } = await ask(flags);
        const json = { username, password, serveraddress };
        const { Status, IdentityToken } = await api.post<{ Status: string; IdentityToken?: string }>('/auth', { json });
        const token = IdentityToken ? { identitytoken: IdentityToken } : {};
        saveCredentials(serveraddress, { username, password, ...token });
        printLine(Status);
      }),
    );
}

export function defineLogout(command: Command): void {
  command.argument('<server>', "the registry's host").action((server: string) => {
    forgetCredentials(server);
    printLine(`Removing login credentials for ${server}`);
  });
}

/** @throws PontoonError bad-value without a terminal to ask at */
async function ask({ username, password, passwordStdin }: LoginFlags): Promise<{ username: string; password: string }> {
  if (passwordStdin && username === undefined) throw new PontoonError('bad-value', '--password-stdin needs --username');
  if (passwordStdin) return { username: username!, password: (await text(process.stdin)).replace(/\r?\n$/, '') };
  if (username !== undefined && password !== undefined) return { username, password };
  if (!process.stdin.isTTY) {
    throw new PontoonError(
      'bad-value',
      'no terminal to ask at: give --username, and the password with --password-stdin',
    );
  }
  return { username: username ?? (await question('Username: ')), password: password ?? (await secret('Password: ')) };
}

async function question(prompt: string): Promise<string> {
  const asking = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await asking.question(prompt);
  asking.close();
  return answer.trim();
}

/** Raw, so that the terminal shows nothing: a line, where backspace and ctrl-c work. */
function secret(prompt: string): Promise<string> {
  process.stdout.write(prompt);
  process.stdin.setRawMode(true);
  process.stdin.resume();
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let typed = '';
  const onKeys = (keys: Buffer) => {
    for (const key of keys.toString()) {
      if (key === '\r' || key === '\n') resolve(typed);
      else if (key === '\u0003' || key === '\u0004') reject(new PontoonError('bad-value', 'no password was given'));
      else typed = key === '\u007F' ? typed.slice(0, -1) : typed + key;
    }
  };
  process.stdin.on('data', onKeys);
  return promise.finally(() => {
    process.stdin.off('data', onKeys).setRawMode(false).pause();
    process.stdout.write('\n');
  });
}
