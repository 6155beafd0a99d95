/**
 * @module Programs run to their end: their standard output, or an error that says what they said.
 */

import { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { findProgram } from '../../src/container/program-path.ts';
import { spawn } from '../../src/kernel/spawn.ts';

export interface RunOptions {
  /** Written to standard input. */
  readonly input?: string;
  /** Replaces the environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Runs a program without a shell, and without the fork of this large process, which would be measured too.
 * @throws Error with the last lines of its output when it does not end with status 0
 */
export async function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { input = '', env = process.env } = options;
  const { pipes, ended } = spawn(findProgram(program) ?? program, {
    args,
    environment: Object.fromEntries(Object.entries(env).map(([name, value = '']) => [name, value])),
    directory: process.cwd(),
    descriptors: ['input', 'output', 'output'],
  });
  const [stdin, stdout, stderr] = [...pipes.values()].map((fd, number) => {
    return new Socket({ fd, readable: number > 0, writable: number === 0 });
  });
  stdin?.on('error', () => {}); // a program may end without reading; its status says what matters
  stdin?.end(input);
  const [said, complaint] = await Promise.all([text(stdout!), text(stderr!)]);
  const { exitCode, signal } = await ended;
  if (exitCode === 0) return said;
  const words = (complaint.trim() || said.trim()).split('\n').slice(-20).join('\n  ');
  throw new Error(`${program} ${args.join(' ')}: ended with ${signal ?? exitCode}:\n  ${words}`);
}

/** Runs a program in a network namespace given by path. */
export function runIn(namespace: string, program: string, args: readonly string[]): Promise<string> {
  return run('nsenter', [`--net=${namespace}`, program, ...args]);
}

/** `ip` with its arguments in one text. */
export async function ip(command: string): Promise<void> {
  await run('ip', command.split(' '));
}
