/**
 * @module The store of the containers: one SQLite file with one record for each.
 *
 * It holds what should be. Each change is one transaction, durable (write-ahead log, synchronous=FULL) before the
 * world is changed; what a crash leaves undone, the next opening finishes (reconcile-at-start.ts).
 */

import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { PontoonError } from '../errors.ts';
import { makeDirectories } from '../kernel/directory.ts';
import type { ContainerRecord } from './record.ts';

const SCHEMA_VERSION = 1;

export class ContainerStore implements Disposable {
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #put: StatementSync;
  readonly #remove: StatementSync;

  /** Opens the file, and makes it when it is not there. One that cannot be used is left as it is. @throws PontoonError store */
  constructor(path: string) {
    this.#path = path;
    try {
      makeDirectories(dirname(path), 0o710);
      this.#database = new DatabaseSync(path);
    } catch (cause) {
      throw this.#unusable(cause);
    }
    try {
      this.#database.exec('PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000');
      this.#migrate();
      this.#put = this.#database.prepare('INSERT OR REPLACE INTO containers (id, record) VALUES (?, ?)');
      this.#remove = this.#database.prepare('DELETE FROM containers WHERE id = ?');
    } catch (cause) {
      this.#database.close();
      throw this.#unusable(cause);
    }
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  /** All records, the oldest container first. @throws PontoonError store */
  all(): ContainerRecord[] {
    try {
      return this.#database
        .prepare('SELECT record FROM containers')
        .all()
        .map((row) => JSON.parse(row.record as string) as ContainerRecord)
        .sort((a, b) => a.createdMs - b.createdMs);
    } catch (cause) {
      throw this.#unusable(cause);
    }
  }

  /** Writes a record durably. @throws PontoonError store; the old one stands then */
  put(record: ContainerRecord): void {
    this.#write(() => this.#put.run(record.id, JSON.stringify(record)));
  }

  /** Takes a record away durably. @throws PontoonError store */
  remove(id: string): void {
    this.#write(() => this.#remove.run(id));
  }

  #write(statement: () => unknown): void {
    try {
      statement();
    } catch (cause) {
      const message = `the store ${this.#path} refused to write: ${(cause as Error).message}`;
      throw new PontoonError('store', message, { cause, subject: this.#path });
    }
  }

  #migrate(): void {
    const version = this.#database.prepare('PRAGMA user_version').get()?.user_version as number;
    if (version > SCHEMA_VERSION) {
      const message = `the store ${this.#path} was written by a newer Pontoon (schema ${version}, this one knows ${SCHEMA_VERSION}): upgrade Pontoon`;
      throw new PontoonError('store', message, { subject: this.#path });
    }
    this.#database.exec('PRAGMA journal_mode = WAL');
    if (version === SCHEMA_VERSION) return;
    this.#database.exec(`
      BEGIN;
      CREATE TABLE containers (id TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT, WITHOUT ROWID;
      PRAGMA user_version = ${SCHEMA_VERSION};
      COMMIT;
    `);
  }

  #unusable(cause: unknown): PontoonError {
    if (PontoonError.is(cause)) return cause;
    const advice = 'restore it from a copy, or move it away to begin anew';
    const message = `the store ${this.#path} cannot be used (${(cause as Error).message}): ${advice}`;
    return new PontoonError('store', message, { cause, subject: this.#path });
  }
}
