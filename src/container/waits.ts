/**
 * @module Waiting for a container: for the end of a run, and for its removal.
 */

import type { ExitResult } from './types.ts';

export class Waits {
  readonly #exit = new Set<(result: ExitResult) => void>();
  readonly #removal = new Set<(result: ExitResult) => void>();

  /** Resolves at the end of the run that goes on, or of the next one. @throws the signal's reason */
  nextExit(signal?: AbortSignal): Promise<ExitResult> {
    return waitIn(this.#exit, signal);
  }

  /** Resolves when the container is gone, or with the error why it is not. @throws the signal's reason */
  removal(signal?: AbortSignal): Promise<ExitResult> {
    return waitIn(this.#removal, signal);
  }

  exited(result: ExitResult): void {
    tellAll(this.#exit, result);
  }

  /** Nobody waits in vain: there is no next run. */
  removed(result: ExitResult): void {
    tellAll(this.#exit, result);
    tellAll(this.#removal, result);
  }
}

function waitIn(waiting: Set<(result: ExitResult) => void>, signal: AbortSignal | undefined): Promise<ExitResult> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const tell = (result: ExitResult): void => {
      signal?.removeEventListener('abort', abort);
      resolve(result);
    };
    const abort = (): void => {
      waiting.delete(tell);
      reject(signal!.reason);
    };
    waiting.add(tell);
    signal?.addEventListener('abort', abort, { once: true });
  });
}

function tellAll(waiting: Set<(result: ExitResult) => void>, result: ExitResult): void {
  const all = [...waiting];
  waiting.clear();
  for (const tell of all) tell(result);
}
