/**
 * @module The programs that Pontoon runs for images and volumes: skopeo, umoci and a few small ones. Each runs under
 * setpriv, so that the kernel ends it when this process is killed: nothing goes on writing into a directory that the
 * next one clears away.
 */

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { PontoonError } from '../errors.ts';
import { requireProgram } from './program-path.ts';

/** A program and the Debian package that has it. */
const PACKAGES = {
  skopeo: 'skopeo',
  umoci: 'umoci',
  busybox: 'busybox-static',
  bzip2: 'bzip2',
  xz: 'xz-utils',
  cp: 'coreutils',
  sync: 'coreutils',
  setpriv: 'util-linux',
} as const;
type Program = keyof typeof PACKAGES;

/** How much of what a program says is kept for the error message. */
const SAID_BYTES = 64 * 1024;

export interface RunOptions {
  readonly cwd?: string;
  /** A descriptor that the program gets as its standard input. Default: /dev/null. */
  readonly stdin?: number;
  /** Ends the program; the promise is then rejected with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

interface StartOptions {
  readonly cwd?: string | undefined;
  readonly stdin: 'ignore' | 'pipe' | number;
}

/** Runs a program to its end and returns its standard output. @throws PontoonError program-missing, disk-full, program */
export async function runProgram(program: Program, args: readonly string[], options: RunOptions = {}): Promise<Buffer> {
  const { cwd, stdin = 'ignore', signal } = options;
  signal?.throwIfAborted();
  const { child, ended } = start(program, args, { cwd, stdin });
  const abort = () => child.kill('SIGKILL');
  signal?.addEventListener('abort', abort);
  try {
    const [output] = await Promise.all([buffer(child.stdout), ended]);
    return output;
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

/**
 * What a program writes of what it is given to read. It ends with whoever reads it.
 * @throws PontoonError program-missing, disk-full, program; what the source throws
 */
export async function* filterThrough(
  source: () => AsyncIterable<Buffer>,
  program: Program,
  args: readonly string[],
): AsyncGenerator<Buffer> {
  const { child, ended } = start(program, args, { stdin: 'pipe' });
  const all = Promise.allSettled([pipeline(source, child.stdin as Writable), ended]);
  try {
    yield* child.stdout;
    const [fed, ran] = await all;
    // A program that has failed does not read on; one whose source has failed complains of its input.
    if (fed.status === 'rejected' && fed.reason.code !== 'EPIPE') throw fed.reason;
    if (ran.status === 'rejected') throw ran.reason;
  } finally {
    child.kill('SIGKILL');
  }
}

function start(program: Program, args: readonly string[], { cwd, stdin }: StartOptions) {
  const command = ['--pdeathsig', 'KILL', pathOf(program), ...args];
  const child: ChildProcessByStdio<Writable | null, Readable, Readable> = spawn(pathOf('setpriv'), command, {
    cwd,
    stdio: [stdin as 'pipe', 'pipe', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    said = (said + chunk).slice(-SAID_BYTES);
  });
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', reject).once('close', (code, signal) => {
      if (code === 0) resolve();
      else reject(failure(program, said, signal ?? `exit status ${code}`));
    });
  });
  return { child, ended };
}

/** Where a program is. @throws PontoonError program-missing, naming its package */
export function pathOf(program: Program): string {
  return requireProgram(program, PACKAGES[program]);
}

function failure(program: Program, said: string, ended: string): PontoonError {
  const words = lastWords(said) || ended;
  if (/no space left on device|disk quota exceeded/i.test(words)) {
    return new PontoonError('disk-full', `no space left on the device of the data root: ${program}: ${words}`);
  }
  return new PontoonError('program', `${program} failed: ${words}`, { subject: program });
}

/** The last line that a program of the containers project wrote, without the wrapping of its log. */
function lastWords(said: string): string {
  const last = said.trim().split('\n').at(-1) ?? '';
  const quoted = /\bmsg=("(?:[^"\\]|\\.)*")/.exec(last)?.[1];
  return quoted === undefined ? last.replace(/^\s*⨯\s*/, '').trim() : (JSON.parse(quoted) as string);
}
