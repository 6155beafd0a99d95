/**
 * @module The store: desired state, and the ledger of what happened, in one SQLite file.
 *
 * The store holds what *should* be. One operation is one transaction, written before the kernel is changed: the kernel
 * itself is the record of what is done, and the reconciler makes the two equal again after a crash. Write-ahead log
 * with synchronous=FULL: a committed operation survives power loss.
 */

import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { PontoonError } from '../errors.ts';
import { makeDirectories } from '../kernel/directory.ts';
import { eventsAfter, sequenceBefore } from './event-table.ts';
import { inTransaction } from './transaction.ts';
import type { EngineEvent, NamespaceSpec, Network, PortBinding } from './types.ts';

/** The ledger keeps this many events. */
const EVENTS_KEPT = 10_000;
const SCHEMA_VERSION = 1;

export type NetworkRecord = Network;

export interface SandboxRecord {
  readonly id: string;
  readonly name: string;
  readonly createdMs: number;
  readonly hostname: string;
  readonly domainname: string;
  readonly namespace: NamespaceSpec;
  readonly running: boolean;
  readonly resolver: boolean;
  /** Undefined: the host's name servers. */
  readonly dns: readonly string[] | undefined;
  readonly dnsSearch: readonly string[] | undefined;
  readonly dnsOptions: readonly string[] | undefined;
  readonly extraHosts: readonly (readonly [name: string, address: string])[];
  readonly labels: Readonly<Record<string, string>>;
}

export interface EndpointRecord {
  readonly id: string;
  readonly networkId: string;
  readonly sandboxId: string;
  readonly aliases: readonly string[];
  readonly interfaceName: string | undefined;
  readonly hostInterface: string | undefined;
  readonly mac: string | undefined;
  /** Without prefix length. */
  readonly ipv4: string | undefined;
  readonly ipv6: string | undefined;
  /** Asked for, so that it stays reserved while the sandbox is stopped. */
  readonly static: { readonly ipv4: boolean; readonly ipv6: boolean; readonly mac: boolean };
  readonly gatewayPriority: number;
  /** Canonical; absent: none. */
  readonly linkLocal?: readonly string[];
  /** With IFNAME for the interface's name; absent: none. */
  readonly sysctls?: Readonly<Record<string, string>>;
  readonly ports: readonly PortBinding[];
}

export type NewEvent = Omit<EngineEvent, 'sequence' | 'timeMs'>;

/** One operation's worth of new, changed and deleted records. */
export interface Change {
  readonly networks?: readonly NetworkRecord[];
  readonly sandboxes?: readonly SandboxRecord[];
  readonly endpoints?: readonly EndpointRecord[];
  readonly removeNetworks?: readonly string[];
  readonly removeSandboxes?: readonly string[];
  readonly removeEndpoints?: readonly string[];
  readonly events?: readonly NewEvent[];
}

const TABLES = ['networks', 'sandboxes', 'endpoints'] as const;
type Table = (typeof TABLES)[number];

export class Store implements Disposable {
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #put: Record<Table, StatementSync>;
  readonly #remove: Record<Table, StatementSync>;
  readonly #addEvent: StatementSync;
  readonly #trimEvents: StatementSync;

  /** Opens the file, and makes it when it is not there. One that cannot be used is left as it is. @throws PontoonError store */
  constructor(path: string) {
    this.#path = path;
    try {
      makeDirectories(dirname(path), 0o700);
      this.#database = new DatabaseSync(path);
    } catch (cause) {
      throw this.#unusable(cause);
    }
    try {
      this.#database.exec('PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000');
      this.#migrate();
      const each = <T>(make: (table: Table) => T): Record<Table, T> =>
        Object.fromEntries(TABLES.map((table) => [table, make(table)])) as Record<Table, T>;
      this.#put = each((table) => this.#database.prepare(`INSERT OR REPLACE INTO ${table} (id, record) VALUES (?, ?)`));
      this.#remove = each((table) => this.#database.prepare(`DELETE FROM ${table} WHERE id = ?`));
      this.#addEvent = this.#database.prepare(
        'INSERT INTO events (timeMs, type, action, id, attributes) VALUES (?, ?, ?, ?, ?)',
      );
      this.#trimEvents = this.#database.prepare('DELETE FROM events WHERE sequence <= ?');
    } catch (cause) {
      this.#database.close();
      throw this.#unusable(cause);
    }
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  networks(): NetworkRecord[] {
    return (this.#all('networks') as NetworkRecord[]).sort(oldestFirst);
  }

  sandboxes(): SandboxRecord[] {
    return (this.#all('sandboxes') as SandboxRecord[]).sort(oldestFirst);
  }

  endpoints(): EndpointRecord[] {
    return this.#all('endpoints') as EndpointRecord[];
  }

  /** Writes one operation, all or nothing, durably; returns its events as they were recorded. @throws PontoonError store */
  commit(change: Change): EngineEvent[] {
    try {
      return inTransaction(this.#database, () => {
        for (const table of TABLES)
          for (const record of change[table] ?? []) this.#put[table].run(record.id, JSON.stringify(record));
        for (const id of change.removeEndpoints ?? []) this.#remove.endpoints.run(id);
        for (const id of change.removeSandboxes ?? []) this.#remove.sandboxes.run(id);
        for (const id of change.removeNetworks ?? []) this.#remove.networks.run(id);
        return (change.events ?? []).map((event) => this.#recordEvent(event));
      });
    } catch (cause) {
      const message = `the store ${this.#path} refused to write: ${(cause as Error).message}`;
      throw new PontoonError('store', message, { cause, subject: this.#path });
    }
  }

  /** See event-table.ts. */
  eventsAfter(sequence: number): EngineEvent[] {
    return eventsAfter(this.#database, sequence);
  }

  sequenceBefore(timeMs: number): number {
    return sequenceBefore(this.#database, timeMs);
  }

  /** A value that is chosen once and kept, such as the engine's own IPv6 prefix. */
  setting(key: string, choose: () => string): string {
    const row = this.#database.prepare('SELECT value FROM settings WHERE key = ?').get(key);
    if (row !== undefined) return row.value as string;
    const value = choose();
    this.#database.prepare('INSERT INTO settings (key, value) VALUES (?, ?)').run(key, value);
    return value;
  }

  #all(table: Table): unknown[] {
    try {
      return this.#database
        .prepare(`SELECT record FROM ${table}`)
        .all()
        .map((row) => JSON.parse(row.record as string));
    } catch (cause) {
      throw this.#unusable(new Error(`a record of ${table} is damaged: ${(cause as Error).message}`, { cause }));
    }
  }

  #unusable(cause: unknown): PontoonError {
    if (PontoonError.is(cause)) return cause;
    const advice = 'restore it from a copy, or move it away to begin anew';
    const message = `the store ${this.#path} cannot be used (${(cause as Error).message}): ${advice}`;
    return new PontoonError('store', message, { cause, subject: this.#path });
  }

  #recordEvent(event: NewEvent): EngineEvent {
    const timeMs = Date.now();
    const row = [timeMs, event.type, event.action, event.id, JSON.stringify(event.attributes)];
    const sequence = Number(this.#addEvent.run(...row).lastInsertRowid);
    if (sequence % 1024 === 0) this.#trimEvents.run(sequence - EVENTS_KEPT);
    return { ...event, sequence, timeMs };
  }

  #migrate(): void {
    const version = this.#database.prepare('PRAGMA user_version').get()?.user_version as number;
    if (version > SCHEMA_VERSION) {
      throw new PontoonError(
        'store',
        `the store ${this.#path} was written by a newer Pontoon (schema ${version}, this one knows ${SCHEMA_VERSION}): upgrade Pontoon`,
        { subject: this.#path },
      );
    }
    this.#database.exec('PRAGMA journal_mode = WAL');
    if (version === SCHEMA_VERSION) return;
    this.#database.exec(`
      BEGIN;
      CREATE TABLE networks (id TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT, WITHOUT ROWID;
      CREATE TABLE sandboxes (id TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT, WITHOUT ROWID;
      CREATE TABLE endpoints (id TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT, WITHOUT ROWID;
      CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
      CREATE TABLE events (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT, timeMs INTEGER NOT NULL, type TEXT NOT NULL, action TEXT NOT NULL,
        id TEXT NOT NULL, attributes TEXT NOT NULL
      ) STRICT;
      PRAGMA user_version = ${SCHEMA_VERSION};
      COMMIT;
    `);
  }
}

function oldestFirst(a: { readonly createdMs: number }, b: { readonly createdMs: number }): number {
  return a.createdMs - b.createdMs;
}
