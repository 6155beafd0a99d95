/**
 * @module The programs that Pontoon runs for images and volumes: skopeo, umoci and a few small ones. Each runs under
 * setpriv, so that the kernel ends it when this process is killed: nothing goes on writing into a directory that the
 * next one clears away.
 */

import { spawn } from 'node:child_process';
import { PontoonError } from '../errors.ts';
import { requireProgram } from './program-path.ts';

/** A program and the Debian package that has it. */
const PACKAGES = {
  skopeo: 'skopeo',
  umoci: 'umoci',
  busybox: 'busybox-static',
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

/** Runs a program to its end and returns its standard output. @throws PontoonError program-missing, disk-full, program */
export async function runProgram(program: Program, args: readonly string[], options: RunOptions = {}): Promise<Buffer> {
  const { cwd, stdin = 'ignore', signal } = options;
  signal?.throwIfAborted();
  const command = ['--pdeathsig', 'KILL', pathOf(program), ...args];
  const child = spawn(pathOf('setpriv'), command, { cwd, stdio: [stdin, 'pipe', 'pipe'] });
  const abort = () => child.kill('SIGKILL');
  signal?.addEventListener('abort', abort);
  const output: Buffer[] = [];
  let said = '';
  child.stdout?.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    said = (said + chunk).slice(-SAID_BYTES);
  });
  try {
    const [code, endedBy] = await new Promise<[number | null, string | null]>((resolve, reject) => {
      child.once('error', reject).once('close', (...ended) => resolve(ended));
    });
    signal?.throwIfAborted();
    if (code === 0) return Buffer.concat(output);
    throw failure(program, said, endedBy ?? `exit status ${code}`);
  } finally {
    signal?.removeEventListener('abort', abort);
  }
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
