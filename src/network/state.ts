/**
 * @module The desired state in memory, indexed; what is committed to the store is what is seen here.
 */

import { type ErrorCode, PontoonError } from '../errors.ts';
import type { Change, EndpointRecord, NetworkRecord, SandboxRecord, Store } from './store.ts';
import type { EngineEvent } from './types.ts';

/** Things with an ID and a unique name, found by either. */
export class Registry<T extends { readonly id: string; readonly name: string }> {
  readonly #byId = new Map<string, T>();
  readonly #byName = new Map<string, T>();
  readonly #kind: string;
  readonly #missing: ErrorCode;

  constructor(kind: string, missing: ErrorCode) {
    this.#kind = kind;
    this.#missing = missing;
  }

  put(thing: T): void {
    const old = this.#byId.get(thing.id);
    if (old !== undefined) this.#byName.delete(old.name);
    this.#byId.set(thing.id, thing);
    this.#byName.set(thing.name, thing);
  }

  delete(id: string): void {
    const thing = this.#byId.get(id);
    if (thing === undefined) return;
    this.#byId.delete(id);
    this.#byName.delete(thing.name);
  }

  get(id: string): T | undefined {
    return this.#byId.get(id);
  }

  named(name: string): T | undefined {
    return this.#byName.get(name);
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#byId.values();
  }

  /** What a name, an ID or the unique beginning of an ID means. @throws PontoonError */
  find(ref: string): T {
    const exact = this.#byId.get(ref) ?? this.#byName.get(ref);
    if (exact !== undefined) return exact;
    const begins = /^[0-9a-f]+$/.test(ref) ? [...this.#byId.values()].filter((thing) => thing.id.startsWith(ref)) : [];
    if (begins.length === 1) return begins[0]!;
    const why =
      begins.length > 1
        ? `is ambiguous: ${begins.length} IDs begin so`
        : 'not found: see the list of them for the names';
    throw new PontoonError(this.#missing, `${this.#kind} ${ref} ${why}`, { subject: ref });
  }
}

export class State {
  readonly networks = new Registry<NetworkRecord>('network', 'network-not-found');
  readonly sandboxes = new Registry<SandboxRecord>('sandbox', 'sandbox-not-found');
  readonly endpoints = new Map<string, EndpointRecord>();
  readonly #store: Store;
  readonly #ofSandbox = new Map<string, Map<string, EndpointRecord>>();
  readonly #onNetwork = new Map<string, Map<string, EndpointRecord>>();

  constructor(store: Store) {
    this.#store = store;
    this.#apply({ networks: store.networks(), sandboxes: store.sandboxes(), endpoints: store.endpoints() });
  }

  /** Writes durably, then shows. @throws PontoonError store, and shows nothing */
  commit(change: Change): EngineEvent[] {
    const events = this.#store.commit(change);
    this.#apply(change);
    return events;
  }

  /** The endpoints of a sandbox, in the order in which they were attached. */
  endpointsOf(sandboxId: string): EndpointRecord[] {
    return [...(this.#ofSandbox.get(sandboxId)?.values() ?? [])];
  }

  /** The endpoints on a network. */
  endpointsOn(networkId: string): EndpointRecord[] {
    return [...(this.#onNetwork.get(networkId)?.values() ?? [])];
  }

  /** How many endpoints a network has. */
  endpointCount(networkId: string): number {
    return this.#onNetwork.get(networkId)?.size ?? 0;
  }

  #apply(change: Change): void {
    for (const network of change.networks ?? []) this.networks.put(network);
    for (const sandbox of change.sandboxes ?? []) this.sandboxes.put(sandbox);
    for (const endpoint of change.endpoints ?? []) {
      this.endpoints.set(endpoint.id, endpoint);
      index(this.#ofSandbox, endpoint.sandboxId).set(endpoint.id, endpoint);
      index(this.#onNetwork, endpoint.networkId).set(endpoint.id, endpoint);
    }
    for (const id of change.removeEndpoints ?? []) {
      const endpoint = this.endpoints.get(id);
      if (endpoint === undefined) continue;
      this.endpoints.delete(id);
      this.#ofSandbox.get(endpoint.sandboxId)?.delete(id);
      this.#onNetwork.get(endpoint.networkId)?.delete(id);
    }
    for (const id of change.removeSandboxes ?? []) {
      this.sandboxes.delete(id);
      this.#ofSandbox.delete(id);
    }
    for (const id of change.removeNetworks ?? []) {
      this.networks.delete(id);
      this.#onNetwork.delete(id);
    }
  }
}

function index<K, V>(maps: Map<K, Map<string, V>>, key: K): Map<string, V> {
  const map = maps.get(key) ?? new Map<string, V>();
  maps.set(key, map);
  return map;
}
