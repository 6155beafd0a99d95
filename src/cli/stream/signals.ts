/**
 * @module Signals that this command gets are for the process in the container.
 */

import { constants } from 'node:os';
import type { ApiClient } from '../api/client.ts';

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

/** Forwards until it is disposed. */
export function forwardSignals(api: ApiClient, id: string): Disposable {
  const listeners = (Object.keys(constants.signals) as NodeJS.Signals[])
    .filter((signal) => !OWN.includes(signal))
    .map((signal) => {
      const forward = () => {
        const query = { signal: signal.slice(3) };
        // It may have ended by itself meanwhile. Whatever else fails is said by its streams.
        api.post(`/containers/${id}/kill`, { query }).catch(() => {});
      };
      process.on(signal, forward);
      return () => void process.off(signal, forward);
    });
  return {
    [Symbol.dispose]: () => {
      for (const stop of listeners) stop();
    },
  };
}
