/**
 * @module The signals that a daemon is sent: SIGTERM and SIGINT end it, SIGHUP makes it read its configuration again.
 */

export interface Signals extends Disposable {
  /** Resolves with the signal that asks for the end. */
  readonly ended: Promise<string>;
  /** Aborted by the next one: somebody does not want to wait. */
  readonly insisted: AbortSignal;
}

/** Takes the signals over for as long as the scope lasts. */
export function watchSignals(onReload: () => void): Signals {
  const { promise, resolve } = Promise.withResolvers<string>();
  const insisted = new AbortController();
  let isEnding = false;
  const end = (signal: string): void => {
    if (isEnding) insisted.abort();
    isEnding = true;
    resolve(signal);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, end);
  process.on('SIGHUP', onReload);
  return {
    ended: promise,
    insisted: insisted.signal,
    [Symbol.dispose]: () => {
      for (const signal of ['SIGTERM', 'SIGINT'] as const) process.off(signal, end);
      process.off('SIGHUP', onReload);
    },
  };
}
