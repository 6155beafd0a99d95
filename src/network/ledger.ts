/**
 * @module The ledger read by a process that is not the engine: it follows the store's events without any lock, so that
 * engines come and go meanwhile.
 *
 * The store is looked at every so often. A watch on its files would wake the reader too early: SQLite writes the log
 * first, and shows the commit through shared memory, of which no watch tells (https://sqlite.org/walformat.html).
 */

import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { PontoonError } from '../errors.ts';
import { EVENT_BATCH, eventsAfter, sequenceBefore } from './event-table.ts';
import type { EventOptions } from './events.ts';
import type { EngineEvent } from './types.ts';

const LOOK_MS = 100;

/**
 * What happens to the networks of a data directory, whichever engine does it: from now on, or since a time that the
 * ledger still holds. Waits for the store where there is none yet. Ends with the signal, within 100 ms.
 * @throws PontoonError no-privilege, store
 */
export async function* followLedger(dataRoot: string, options: EventOptions = {}): AsyncGenerator<EngineEvent> {
  const path = join(dataRoot, 'engine.db');
  const ended = (): boolean => options.signal?.aborted === true;
  // Whatever is in a store that begins after us is new.
  const since = isThere(path) ? (options.since ?? Date.now()) : 0;
  while (!isThere(path)) {
    if (ended()) return;
    await sleep(LOOK_MS);
  }
  using ledger = new Ledger(path);
  let last: number | undefined;
  while (!ended()) {
    last ??= ledger.lastBefore(since);
    const events = last === undefined ? [] : ledger.after(last);
    for (const event of events) {
      last = event.sequence;
      yield event;
      if (ended()) return;
    }
    if (events.length < EVENT_BATCH) await sleep(LOOK_MS);
  }
}

/** The events of a store, read only. */
class Ledger implements Disposable {
  readonly #database: DatabaseSync;
  readonly #path: string;

  /** @throws PontoonError store */
  constructor(path: string) {
    this.#path = path;
    this.#database = this.#reading(() => new DatabaseSync(path, { readOnly: true, timeout: 5000 }));
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  /** The sequence number of the last event before a time, 0 without one; undefined while the store has no tables. */
  lastBefore(timeMs: number): number | undefined {
    return this.#reading(() => {
      if (this.#database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'events'").get() === undefined) return;
      return sequenceBefore(this.#database, timeMs);
    });
  }

  after(sequence: number): EngineEvent[] {
    return this.#reading(() => eventsAfter(this.#database, sequence));
  }

  #reading<T>(read: () => T): T {
    try {
      return read();
    } catch (cause) {
      const message = `the store ${this.#path} cannot be read: ${(cause as Error).message}`;
      throw new PontoonError('store', message, { cause, subject: this.#path });
    }
  }
}

/** @throws PontoonError no-privilege, store */
function isThere(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return false;
    const denied = code === 'EACCES' || code === 'EPERM';
    throw new PontoonError(
      denied ? 'no-privilege' : 'store',
      `the store ${path} cannot be read: ${denied ? 'run as root, or as the user whose engine it is' : message}`,
      { cause, subject: path },
    );
  }
}
