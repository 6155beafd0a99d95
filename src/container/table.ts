/**
 * @module The containers in memory, found by name or ID; what is committed to the store is what is seen here.
 */

import { PontoonError } from '../errors.ts';
import { step } from '../network/step.ts';
import { Entry } from './entry.ts';
import type { ContainerRecord } from './record.ts';
import type { ContainerStore } from './store.ts';

export class Table {
  readonly #store: ContainerStore;
  readonly #byId = new Map<string, Entry>();
  /** Names are taken before a container is there, so that of two that come at once only one gets it. */
  readonly #idByName = new Map<string, string>();

  constructor(store: ContainerStore) {
    this.#store = store;
    for (const record of store.all()) this.#show(record);
  }

  [Symbol.iterator](): Iterator<Entry> {
    return this.#byId.values();
  }

  get(id: string): Entry | undefined {
    return this.#byId.get(id);
  }

  isTaken(name: string): boolean {
    return this.#idByName.has(name);
  }

  /** Takes a name for a container that is about to be there. @throws PontoonError name-taken, in Docker's words */
  reserve(name: string, id: string): void {
    const holder = this.#idByName.get(name);
    if (holder !== undefined && holder !== id)
      throw new PontoonError(
        'name-taken',
        `Conflict. The container name "/${name}" is already in use by container "${holder}". ` +
          'You have to remove (or rename) that container to be able to reuse that name.',
        { subject: name },
      );
    this.#idByName.set(name, id);
  }

  /** Gives a reserved name back. */
  release(name: string, id: string): void {
    if (this.#idByName.get(name) === id) this.#idByName.delete(name);
  }

  /** Puts a new container into the store and shows it; its name is reserved. @throws PontoonError store */
  add(record: ContainerRecord): Entry {
    step(`container ${record.name}: record`);
    this.#store.put(record);
    return this.#show(record);
  }

  /** Writes durably, then shows. @throws PontoonError store, and shows nothing */
  commit(entry: Entry, change: Partial<ContainerRecord>): void {
    const record = { ...entry.record, ...change };
    step(`container ${record.name}: record`);
    this.#store.put(record, entry.record);
    entry.record = record;
  }

  /** @throws PontoonError store, and the container is still there */
  delete(entry: Entry): void {
    step(`container ${entry.record.name}: record`);
    this.#store.remove(entry.id);
    this.#byId.delete(entry.id);
    this.release(entry.record.name, entry.id);
  }

  /** What a name, an ID or the unique beginning of an ID means. @throws PontoonError container-not-found; bad-value */
  find(ref: string): Entry {
    const name = ref.startsWith('/') ? ref.slice(1) : ref;
    const exact = this.#byId.get(ref) ?? this.#byId.get(this.#idByName.get(name) ?? '');
    if (exact !== undefined) return exact;
    const begins = /^[0-9a-f]+$/.test(ref) ? [...this.#byId.values()].filter(({ id }) => id.startsWith(ref)) : [];
    if (begins.length === 1) return begins[0]!;
    if (begins.length > 1)
      throw new PontoonError('bad-value', `Multiple IDs found with provided prefix: ${ref}`, { subject: ref });
    throw new PontoonError('container-not-found', `No such container: ${ref}`, { subject: ref });
  }

  #show(record: ContainerRecord): Entry {
    const entry = new Entry(record);
    this.#byId.set(record.id, entry);
    this.#idByName.set(record.name, record.id);
    return entry;
  }
}
