/**
 * @module The packet filter in the kernel: one nftables table of our own in the host's namespace, and changes to what it
 * holds, each one transaction.
 */

import { isDeepStrictEqual } from 'node:util';
import { type ConntrackFilter, flushConntrack } from '../kernel/conntrack.ts';
import { KernelError } from '../kernel/error.ts';
import { inScratchNamespace, NetworkNamespace } from '../kernel/namespace.ts';
import { openNetfilter } from '../kernel/netlink/nfnetlink.ts';
import type { NetlinkSocket } from '../kernel/netlink/socket.ts';
import { type NftRequest, transact } from '../kernel/nftables/batch.ts';
import { encodeFields, type Field, type FieldType, formatFields } from '../kernel/nftables/data.ts';
import { describeTable, listElements, listTables } from '../kernel/nftables/read.ts';
import { Nftables } from '../kernel/nftables/ruleset.ts';
import {
  addElement,
  deleteElement,
  deleteRawElement,
  type NftElement,
  type NftSet,
  type RawElement,
} from '../kernel/nftables/set.ts';
import { addressesOf } from './both-families.ts';
import type { Membership } from './gateway.ts';
import { isOpen } from './gateway-mode.ts';
import { isWildcard, type Placed, RULESET, SETS, TABLE } from './ruleset.ts';
import { step } from './step.ts';
import type { EndpointRecord } from './store.ts';
import type { PortBinding } from './types.ts';

/**
 * The walk through the table of flows keeps a processor busy for 10 ms, and whoever waits for RCU waiting: one walk is made
 * for all that go in this time, and when nobody needs it sooner.
 */
const SOON_MS = 100;

/** What the engine wants of a packet filter. */
export interface PacketFilter extends Disposable {
  /** Whether published ports are led to their endpoints. */
  readonly publishes: boolean;
  /** @throws KernelError; then nothing has changed */
  add(placed: readonly Placed[]): void;
  /** Takes elements out; what is not there is fine. */
  remove(placed: readonly Placed[]): void;
  /**
   * Ends UDP flows that began before these bindings were there: they would pass them by for as long as packets come. This and
   * the next go on in the background, until `settled`.
   */
  forgetEarlier(bindings: readonly PortBinding[]): void;
  /** Ends UDP flows that came through bindings of an endpoint. */
  forgetThrough(endpoint: EndpointRecord, bindings: readonly PortBinding[]): void;
  settled(): Promise<void>;
  /**
   * Ends all flows that others began to an endpoint that has gone, in the background, until `addressesFree`: the next one who
   * has its addresses is somebody else.
   */
  forgetEndpoint(gone: Membership): void;
  addressesFree(): Promise<void>;
  /** Whether somebody has taken the whole table away. */
  isGone(): boolean;
  /** Makes the kernel hold exactly these elements; one line for each thing done. @throws PontoonError */
  repair(wanted: readonly Placed[]): string[];
}

/** No rules at all, for who filters packets by other means. */
export class NoRuleset implements PacketFilter {
  readonly publishes = false;

  add(): void {}
  remove(): void {}
  forgetEarlier(): void {}
  forgetThrough(): void {}
  async settled(): Promise<void> {}
  forgetEndpoint(): void {}
  async addressesFree(): Promise<void> {}
  isGone(): boolean {
    return false;
  }

  /** Removes the table of an engine that had one. */
  repair(): string[] {
    using socket = openNetfilter();
    if (describeTable(socket, TABLE).length === 0) return [];
    step('rules: table');
    install(['delete table inet pontoon']);
    return ['table inet pontoon: removed'];
  }

  [Symbol.dispose](): void {}
}

/** The table with the rules of `ruleset.ts`. */
export class Ruleset implements PacketFilter {
  readonly publishes = true;
  readonly #socket: NetlinkSocket = openNetfilter();
  readonly #ofBindings: FlowFlusher;
  readonly #ofEndpoints: FlowFlusher;
  readonly #hostAddresses: () => ReadonlySet<string>;
  /** The addresses of endpoints that have gone, whose flows have not. */
  readonly #gone = new Set<string>();
  #later: NodeJS.Timeout | undefined;

  constructor(options: {
    readonly onError: (error: Error) => void;
    readonly hostAddresses: () => ReadonlySet<string>;
  }) {
    this.#ofBindings = new FlowFlusher(options.onError);
    this.#ofEndpoints = new FlowFlusher(options.onError);
    this.#hostAddresses = options.hostAddresses;
  }

  /** After `settled` and `addressesFree`. */
  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
    this.#ofBindings[Symbol.dispose]();
    this.#ofEndpoints[Symbol.dispose]();
  }

  add(placed: readonly Placed[]): void {
    transact(
      this.#socket,
      placed.map(({ set, element }) => addElement(set, element)),
    );
  }

  remove(placed: readonly Placed[]): void {
    const requests = placed.map(({ set, element }) => deleteElement(set, element));
    try {
      transact(this.#socket, requests);
    } catch (error) {
      if (!KernelError.isKernel(error, 'ENOENT')) throw error;
      for (const request of requests) this.#tryTransact(request);
    }
  }

  forgetEarlier(bindings: readonly PortBinding[]): void {
    const udp = bindings.filter(({ protocol, direct }) => protocol === 'udp' && direct !== true);
    if (udp.length === 0) return;
    const everywhere = this.#hostAddresses();
    for (const { protocol, hostAddress, hostPort } of udp) {
      const originalDestination = isWildcard(hostAddress) ? everywhere : hostAddress!;
      this.#ofBindings.flush({ protocol, originalPort: hostPort, originalDestination });
    }
  }

  forgetThrough(endpoint: EndpointRecord, bindings: readonly PortBinding[]): void {
    for (const { protocol, direct, port, hostPort } of bindings) {
      if (protocol !== 'udp') continue;
      for (const address of addressesOf(endpoint)) {
        if (direct !== true) this.#ofBindings.flush({ protocol, originalPort: hostPort, replySource: address });
        // From trusted interfaces and on routed networks, clients mean the endpoint itself.
        this.#ofBindings.flush({ protocol, originalPort: port, originalDestination: address });
      }
    }
  }

  settled(): Promise<void> {
    return this.#ofBindings.settled();
  }

  forgetEndpoint({ endpoint, network }: Membership): void {
    // Else nobody could begin one.
    if (endpoint.ports.length === 0 && !isOpen(network)) return;
    for (const address of addressesOf(endpoint)) this.#gone.add(address);
    this.#later ??= setTimeout(() => this.#forgetGone(), SOON_MS).unref();
  }

  addressesFree(): Promise<void> {
    if (this.#gone.size > 0) this.#forgetGone();
    return this.#ofEndpoints.settled();
  }

  #forgetGone(): void {
    clearTimeout(this.#later);
    this.#later = undefined;
    const addresses = new Set(this.#gone);
    this.#gone.clear();
    this.#ofEndpoints.flush({ replySource: addresses });
  }

  isGone(): boolean {
    return !listTables(this.#socket).some(({ family, name }) => family === TABLE.family && name === TABLE.name);
  }

  repair(wanted: readonly Placed[]): string[] {
    if (this.#remakeTable(wanted)) return ['table inet pontoon: made'];
    const done: string[] = [];
    // What goes comes first: a foreign range may overlap with one of ours.
    const removals: NftRequest[] = [];
    const additions: NftRequest[] = [];
    for (const set of SETS) {
      const present = new Map(listElements(this.#socket, set).map((element) => [rawKey(element), element]));
      for (const { element } of wanted.filter((one) => one.set === set)) {
        const { first, last } = encodeFields(set.key, element.key);
        const key = rawKey({ first, last });
        const found = present.get(key);
        present.delete(key);
        if (found !== undefined && sameData(set, element, found)) continue;
        if (found !== undefined) removals.push(deleteElement(set, element));
        additions.push(addElement(set, element));
        done.push(`${set.name} { ${formatFields(element.key)} }: ${found === undefined ? 'added' : 'corrected'}`);
      }
      for (const foreign of present.values()) {
        removals.push(deleteRawElement(set, foreign));
        done.push(`${set.name}: an element that nobody owns removed`);
      }
    }
    step('rules: elements');
    transact(this.#socket, [...removals, ...additions]);
    return done;
  }

  /**
   * Compares chains, rules and sets with what RULESET makes in this kernel. Where they differ the table is made anew, with all
   * that it is to hold, in one transaction: no packet meets half of it.
   */
  #remakeTable(wanted: readonly Placed[]): boolean {
    const present = describeTable(this.#socket, TABLE);
    if (present.length > 0 && isDeepStrictEqual(present, reference())) return false;
    step('rules: table');
    install(['table inet pontoon', 'delete table inet pontoon', RULESET, ...wanted.map(addCommand)]);
    return true;
  }

  #tryTransact(request: NftRequest): void {
    try {
      transact(this.#socket, [request]);
    } catch (error) {
      if (!KernelError.isKernel(error, 'ENOENT')) throw error;
    }
  }
}

/** Runs commands in the current namespace, in one transaction. */
function install(commands: readonly string[]): void {
  using here = NetworkNamespace.current();
  using nft = new Nftables(here);
  nft.run(commands);
}

let referenceTable: readonly string[] | undefined;

/** What RULESET is in this kernel, found out once in a namespace of its own. */
function reference(): readonly string[] {
  referenceTable ??= inScratchNamespace(() => {
    install([RULESET]);
    using socket = openNetfilter();
    return describeTable(socket, TABLE);
  });
  return referenceTable;
}

function addCommand({ set, element: { key, data } }: Placed): string {
  const value = Array.isArray(data) ? ` : ${nftFields(set.data as readonly FieldType[], data)}` : '';
  return `add element inet pontoon ${set.name} { ${nftFields(set.key, key)}${value} }`;
}

/** As nft reads them. */
function nftFields(types: readonly FieldType[], fields: readonly Field[]): string {
  return formatFields(fields.map((field, at) => (types[at] === 'ifname' ? `"${field}"` : field)));
}

function rawKey({ first, last }: Pick<RawElement, 'first' | 'last'>): string {
  return `${first.toString('latin1')}|${last.toString('latin1')}`;
}

function sameData(set: NftSet, { data }: NftElement, present: RawElement): boolean {
  if (set.data === undefined || set.data === 'verdict' || data === undefined || 'verdict' in data) return true;
  return present.data?.equals(encodeFields(set.data, data).first) === true;
}

/** Makes the kernel forget flows, one request after the other, on other threads. */
class FlowFlusher implements Disposable {
  /** Of its own, because the kernel is still busy with one request while the next transaction begins. */
  readonly #socket: NetlinkSocket = openNetfilter();
  readonly #waiting: ConntrackFilter[] = [];
  readonly #onError: (error: Error) => void;
  #flushing: Promise<void> | undefined;

  constructor(onError: (error: Error) => void) {
    this.#onError = onError;
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }

  flush(filter: ConntrackFilter): void {
    this.#waiting.push(filter);
    this.#flushing ??= this.#flushAll().finally(() => {
      this.#flushing = undefined;
    });
  }

  async settled(): Promise<void> {
    await this.#flushing;
  }

  async #flushAll(): Promise<void> {
    for (let filter = this.#waiting.shift(); filter !== undefined; filter = this.#waiting.shift()) {
      await flushConntrack(this.#socket, filter).catch(this.#onError);
    }
  }
}
