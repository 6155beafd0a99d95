/**
 * @module Signals that this command gets are for the process in the container.
 */

import { constants } from 'node:os';
import type { ApiClient } from '../api/client.ts';
import { EXIT } from '../failure.ts';

/** Those that cannot be caught, or that are this process's own business (as Docker has it). */
const OWN: readonly NodeJS.Signals[] = [
  'SIGKILL',
  'SIGSTOP',
  'SIGCHLD',
  'SIGPIPE',
  'SIGURG',
  'SIGWINCH',
  'SIGPROF',
  'SIGSEGV',
  'SIGBUS',
  'SIGFPE',
  'SIGILL',
  'SIGTRAP',
  'SIGABRT',
  'SIGIOT',
  'SIGSYS',
  'SIGSTKFLT',
  'SIGPOLL',
  'SIGIO',
  'SIGUNUSED',
];

/** A process that takes no notice must not keep the user from leaving. */
const PATIENCE = 3;

/** Forwards until it is disposed; the third SIGINT or SIGTERM ends this command. */
export function forwardSignals(api: ApiClient, id: string): Disposable {
  let terminations = 0;
  const forward = (signal: NodeJS.Signals) => {
    if ((signal === 'SIGINT' || signal === 'SIGTERM') && ++terminations === PATIENCE) {
      process.stderr.write(`pontoon: got ${PATIENCE} of SIGINT or SIGTERM: leaving, the container may go on\n`);
      process.exit(EXIT.failure);
    }
    const query = { signal: signal.slice('SIG'.length) };
    // It may have ended by itself meanwhile. Whatever else fails is said by its streams.
    api.post(`/containers/${id}/kill`, { query }).catch(() => {});
  };
  const forwarded = (Object.keys(constants.signals) as NodeJS.Signals[]).filter((signal) => !OWN.includes(signal));
  for (const signal of forwarded) process.on(signal, forward);
  return {
    [Symbol.dispose]: () => {
      for (const signal of forwarded) process.off(signal, forward);
    },
  };
}
