/**
 * @module Connects this command's standard streams with those of a process in a container, until the process closes its
 * output, the connection ends, or the user leaves with the detach keys.
 */

import type { Duplex } from 'node:stream';
import { DEFAULT_DETACH_KEYS, detachFilter, parseDetachKeys } from '../../api/detach-keys.ts';
import { demultiplex, pass } from './demultiplex.ts';
import { rawTerminal } from './raw-terminal.ts';

export interface Conversation {
  readonly stdin: boolean;
  /** The process has a terminal: one stream, and keys go to it as they are typed. */
  readonly tty: boolean;
  readonly detachKeys: string | undefined;
  readonly stdout?: boolean;
  readonly stderr?: boolean;
}

/** Resolves to how it ended. The terminal is as it was, in any case. */
export async function converse(stream: Duplex, options: Conversation): Promise<'ended' | 'detached'> {
  const { stdin, tty, detachKeys = DEFAULT_DETACH_KEYS } = options;
  const keys = parseDetachKeys(detachKeys);
  const detached = Promise.withResolvers<'detached'>();
  using _raw = stdin && tty && process.stdin.isTTY ? rawTerminal() : undefined;
  try {
    if (stdin) {
      const typed = tty ? process.stdin.pipe(detachFilter(keys, () => detached.resolve('detached'))) : process.stdin;
      typed.pipe(stream); // the end of the input is a half-close: output goes on
    }
    const received = tty ? pass(stream, process.stdout) : demultiplex(stream, process.stdout, process.stderr);
    return await Promise.race([received.then(() => 'ended' as const), detached.promise]);
  } finally {
    if (stdin) {
      process.stdin.unpipe();
      process.stdin.pause();
    }
    stream.destroy();
  }
}
