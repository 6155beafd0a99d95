/**
 * @module How a command ends: what a failure looks like on standard error, and Docker's exit statuses.
 *
 * 0: done. 1: it failed. 125: a flag makes no sense, or a container could not be run at all. 126, 127: its command
 * cannot be run, or is not there. Else the status of the container's own process.
 */

import type { CommanderError } from 'commander';
import { PontoonError } from '../errors.ts';
import { ApiError } from './api/client.ts';
import { ConnectionLost, Unreachable } from './api/transport.ts';

export const EXIT = { failure: 1, usage: 125, cannotRun: 125, notExecutable: 126, notFound: 127 } as const;

/** Ends the command with a status and nothing more to say: that of a container's process, for one. */
export class ExitStatus extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`exit status ${status}`);
    this.status = status;
  }
}

/** What the daemon or the kernel refused in a command that runs containers has another status than elsewhere. */
export class RunFailure extends Error {
  readonly status: number;

  constructor(status: number, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.status = status;
  }
}

/** What to print, and the exit status. `text` has no line end; it is one line, except for a bug; '' is nothing. */
export interface Failure {
  readonly text: string;
  readonly status: number;
}

/** Describes anything that was thrown. */
export function describeFailure(error: unknown): Failure {
  if (error instanceof ExitStatus) return { text: '', status: error.status };
  if (error instanceof RunFailure) return { text: describeFailure(error.cause).text, status: error.status };
  const text = messageOf(error);
  if (text !== undefined) return { text: `pontoon: ${text}`, status: EXIT.failure };
  const trace = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { text: `pontoon: this is a bug in Pontoon, please report it: ${trace}`, status: EXIT.failure };
}

/** Commander's complaint ("error: …", perhaps with a suggestion on a second line) in the form of all others. */
export function describeMisuse(complaint: string): string {
  const message = complaint
    .replace(/^error: /, '')
    .trim()
    .replace(/\.$/, '')
    .replaceAll('\n', ' ');
  return `pontoon: ${message}; --help shows what there is`;
}

/** Commander has printed what it had to say (help, for one). Docker tells wrong flags from wrong words. */
export function statusOf({ exitCode, code }: CommanderError): number {
  if (exitCode === 0) return 0;
  const isWord = [
    'commander.unknownCommand',
    'commander.missingArgument',
    'commander.excessArguments',
    'commander.help',
  ];
  return isWord.includes(code) ? EXIT.failure : EXIT.usage;
}

/** One line for a failure that is expected; undefined for a bug. */
function messageOf(error: unknown): string | undefined {
  if (error instanceof ApiError) return error.message.trim().replaceAll(/\s*\n\s*/g, ' ');
  if (PontoonError.is(error) || error instanceof Unreachable || error instanceof ConnectionLost) return error.message;
  // Node.js's own error for an answer that ends in its midst.
  if ((error as NodeJS.ErrnoException).code === 'ECONNRESET') return 'the daemon went away in the midst of its answer';
  if (!isRefusedCall(error)) return undefined;
  const text = systemMessage(error);
  return error.code === 'EACCES' || error.code === 'EPERM' ? `${text}; run it as root` : text;
}

/** "ENOENT: no such file or directory, open '/x'" → 'open /x: no such file or directory', as Go's programs say it. */
function systemMessage({ message, syscall, path }: NodeJS.ErrnoException): string {
  const [, reason] = /^[A-Z\d]+: (.+?), /.exec(message) ?? [];
  return reason === undefined || path === undefined ? message : `${syscall} ${path}: ${reason}`;
}

/** A system call of Node.js that the kernel refused, such as a directory that cannot be written: no bug. */
function isRefusedCall(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && 'code' in error;
}
