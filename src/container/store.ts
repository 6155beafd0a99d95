/**
 * @module The store of the containers: one SQLite file with one record for each, in two parts: what was asked for, which
 * is long and seldom changes, and the rest, which changes with each start and end.
 *
 * It holds what should be. Each change is one transaction, durable (write-ahead log, synchronous=FULL) before the
 * world is changed; what a crash leaves undone, the next opening finishes (reconcile-at-start.ts).
 */

import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { PontoonError } from '../errors.ts';
import { makeDirectories } from '../kernel/directory.ts';
import { inTransaction } from '../network/transaction.ts';
import type { ContainerRecord } from './record.ts';

const SCHEMA_VERSION = 2;

export class ContainerStore implements Disposable {
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #put: StatementSync;
  readonly #putSpec: StatementSync;
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
      this.#database.exec('PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON');
      this.#migrate();
      this.#put = this.#database.prepare(upsert('containers', 'record'));
      this.#putSpec = this.#database.prepare(upsert('specs', 'spec'));
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
        .prepare('SELECT id, record, spec FROM containers LEFT JOIN specs USING (id)')
        .all()
        .map(({ id, record, spec }) => {
          // Never skipped: what has no record is removed.
          if (spec === null) throw new Error(`container ${id} has no spec`);
          return { ...JSON.parse(record as string), spec: JSON.parse(spec as string) } as ContainerRecord;
        })
        .sort((a, b) => a.createdMs - b.createdMs);
    } catch (cause) {
      throw this.#unusable(cause);
    }
  }

  /** Writes a record durably, `before` being the one that is there. @throws PontoonError store; the old one stands then */
  put({ spec, ...rest }: ContainerRecord, before?: ContainerRecord): void {
    const { id } = rest;
    this.#write(() => {
      if (spec === before?.spec) return this.#put.run(id, JSON.stringify(rest));
      return inTransaction(this.#database, () => {
        this.#put.run(id, JSON.stringify(rest));
        this.#putSpec.run(id, JSON.stringify(spec));
      });
    });
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
    inTransaction(this.#database, () =>
      this.#database.exec(`
        CREATE TABLE IF NOT EXISTS containers (id TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT, WITHOUT ROWID;
        CREATE TABLE specs (
          id TEXT PRIMARY KEY REFERENCES containers ON DELETE CASCADE,
          spec TEXT NOT NULL
        ) STRICT;
        INSERT INTO specs SELECT id, record -> '$.spec' FROM containers;
        UPDATE containers SET record = json_remove(record, '$.spec');
        PRAGMA user_version = ${SCHEMA_VERSION};
      `),
    );
  }

  #unusable(cause: unknown): PontoonError {
    if (PontoonError.is(cause)) return cause;
    const advice = 'restore it from a copy, or move it away to begin anew';
    const message = `the store ${this.#path} cannot be used (${(cause as Error).message}): ${advice}`;
    return new PontoonError('store', message, { cause, subject: this.#path });
  }
}

/** Not REPLACE, which deletes the row first, and with it the one that refers to it. */
function upsert(table: string, column: string): string {
  return `INSERT INTO ${table} (id, ${column}) VALUES (?, ?) ON CONFLICT DO UPDATE SET ${column} = excluded.${column}`;
}
