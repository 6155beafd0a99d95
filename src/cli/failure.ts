/**
 * @module How a command ends: what a failure looks like on standard error, and the exit status that it has.
 *
 * 0: done. 1: it failed. 2: what was asked for makes no sense (a wrong flag, an address that is none).
 */

import type { CommanderError } from 'commander';
import { type ErrorCode, PontoonError } from '../errors.ts';

export const EXIT = { failure: 1, usage: 2 } as const;

/** What to print, and the exit status. `text` has no line end; it is one line, except for a bug. */
export interface Failure {
  readonly text: string;
  readonly status: number;
}

/** Describes anything that was thrown. `json` gives {"error": {code, message}}, where the code is 'bug' for a bug. */
export function describeFailure(error: unknown, json: boolean): Failure {
  const { code, message, status } = classify(error);
  if (json) return { text: JSON.stringify({ error: { code, message } }), status };
  if (code !== 'bug') return { text: `pontoon: ${message}`, status };
  const stack = error instanceof Error ? error.stack : undefined;
  return { text: `pontoon: this is a bug in Pontoon, please report it: ${stack ?? message}`, status };
}

/** Commander's complaint ("error: …", perhaps with a suggestion on a second line) in the form of all others. */
export function describeMisuse(complaint: string, json: boolean): string {
  const message = complaint
    .replace(/^error: /, '')
    .trim()
    .replace(/\.$/, '')
    .replaceAll('\n', ' ')
    .concat('; --help shows what there is');
  return json ? JSON.stringify({ error: { code: 'usage', message } }) : `pontoon: ${message}`;
}

/** Commander has printed what it had to say (help, for one): its status, with 2 for everything that is not well. */
export function statusOf({ exitCode }: CommanderError): number {
  return exitCode === 0 ? 0 : EXIT.usage;
}

function classify(error: unknown): { code: ErrorCode | 'bug'; message: string; status: number } {
  if (PontoonError.is(error)) {
    const { code, message, kind } = error;
    return { code, message, status: kind === 'invalid' ? EXIT.usage : EXIT.failure };
  }
  if (isRefusedCall(error)) {
    const { code, message } = error;
    return code === 'EACCES' || code === 'EPERM'
      ? { code: 'no-privilege', message: `${message}; run it as root`, status: EXIT.failure }
      : { code: 'kernel', message, status: EXIT.failure };
  }
  return { code: 'bug', message: error instanceof Error ? error.message : String(error), status: EXIT.failure };
}

/** A system call of Node.js that the kernel refused, such as a directory that cannot be written: no bug. */
function isRefusedCall(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && 'code' in error;
}
