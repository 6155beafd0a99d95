/**
 * @module Events as an async iterable: the ledger first, then what happens.
 */

import type { Store } from './store.ts';
import type { EngineEvent } from './types.ts';

export interface EventOptions {
  /** Begin with what happened at this time (milliseconds since 1970) or later. Default: only what happens from now on. */
  readonly since?: number;
  /** Ends the iteration. */
  readonly signal?: AbortSignal;
}

/** Wakes everybody who waits for the next event. */
export class EventBell {
  #waiting = Promise.withResolvers<void>();

  ring(): void {
    this.#waiting.resolve();
    this.#waiting = Promise.withResolvers();
  }

  next(): Promise<void> {
    return this.#waiting.promise;
  }
}

/** Reads on in the ledger each time the bell rings, so that a slow reader misses nothing that the ledger still holds. */
export async function* followEvents(
  store: Store,
  bell: EventBell,
  options: EventOptions = {},
): AsyncGenerator<EngineEvent> {
  let last =
    options.since === undefined ? store.sequenceBefore(Number.MAX_SAFE_INTEGER) : store.sequenceBefore(options.since);
  const aborted = Promise.withResolvers<void>();
  options.signal?.addEventListener('abort', () => aborted.resolve(), { once: true });
  // Nothing else of the engine keeps the process alive; somebody who waits for events should.
  const alive = setInterval(() => {}, 2 ** 30);
  const ended = (): boolean => options.signal?.aborted === true;
  try {
    while (!ended()) {
      const rung = bell.next();
      const events = store.eventsAfter(last);
      for (const event of events) {
        last = event.sequence;
        yield event;
        if (ended()) return;
      }
      if (events.length === 0) await Promise.race([rung, aborted.promise]);
    }
  } finally {
    clearInterval(alive);
  }
}
