/**
 * @module Programs run to their end: their standard output, or an error that says what they said.
 */

import { spawn } from 'node:child_process';

export interface RunOptions {
  /** Written to standard input. */
  readonly input?: string;
  /** Replaces the environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a program without a shell. @throws Error with the last lines of its output when it does not end with status 0 */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], env: options.env ?? process.env });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      stderr += text;
    });
    child.on('error', reject);
    child.on('close', (status, signal) => {
      if (status === 0) return resolve(stdout);
      const said = (stderr.trim() || stdout.trim()).split('\n').slice(-20).join('\n  ');
      reject(new Error(`${program} ${args.join(' ')}: ended with ${signal ?? status}:\n  ${said}`));
    });
    child.stdin.on('error', () => {}); // a program may end without reading; its status says what matters
    child.stdin.end(options.input ?? '');
  });
}

/** Runs a program in a network namespace given by path. */
export function runIn(namespace: string, program: string, args: readonly string[]): Promise<string> {
  return run('nsenter', [`--net=${namespace}`, program, ...args]);
}

/** `ip` with its arguments in one text. */
export async function ip(command: string): Promise<void> {
  await run('ip', command.split(' '));
}
