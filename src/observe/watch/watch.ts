/**
 * @module Watches all network namespaces of the host, and tells every change: those that come later, too.
 *
 * It changes nothing, with one limit: a socket holds its namespace. So a namespace that nothing else holds any more lives
 * until the next look, at most a second longer.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { PontoonError } from '../../errors.ts';
import { MulticastSubscription } from '../../kernel/multicast.ts';
import { NetworkNamespace } from '../../kernel/namespace.ts';
import { NetlinkSocket } from '../../kernel/netlink/socket.ts';
import { NETLINK_NETFILTER, NETLINK_ROUTE } from '../../kernel/uapi/netlink.ts';
import { NFNLGRP_NFTABLES } from '../../kernel/uapi/nfnetlink.ts';
import { type ContainerSources, readContainers } from '../snapshot/containers/read.ts';
import { type FoundNamespace, findNamespaces, namespaceIdOf } from '../snapshot/discover.ts';
import { nameNamespaces } from '../snapshot/names.ts';
import type { NamespaceId } from '../snapshot/types.ts';
import type { Change, Noted } from './change.ts';
import { noteFilter } from './filter-notes.ts';
import { ROUTING_GROUPS, RoutingLedger } from './routing-ledger.ts';

export interface WatchOptions {
  /** Ends it. */
  readonly signal: AbortSignal;
  readonly tell: (change: Change) => void;
  /** Called once, when everything that is there is watched. */
  readonly ready?: (namespaces: number) => void;
  /** Default: where they usually are; false: nobody is asked. */
  readonly containers?: ContainerSources | false;
  /** Default: /run/pontoon. */
  readonly runRoot?: string;
}

const LOOK_MS = 1000;
/** An engine writes down a container's name somewhat later than it makes its namespace. */
const LOOKS_FOR_NAMES = 5;

/** Until `signal`. @throws KernelError */
export async function watchHost({ signal, tell, ready, containers, runRoot }: WatchOptions): Promise<void> {
  const watched = new Map<NamespaceId, NamespaceWatch>();
  const failure = new AbortController();
  const ended = AbortSignal.any([signal, failure.signal]);
  const names = new Map<NamespaceId, string>();
  let looksForNames = LOOKS_FOR_NAMES;
  const teller =
    (id: NamespaceId) =>
    (noted: Noted): void =>
      tell({ time: new Date().toISOString(), namespace: names.get(id) ?? id, ...noted });

  /** Follows the namespaces that there are now. */
  const look = async (isFirst: boolean): Promise<void> => {
    const found = findNamespaces();
    const ids = new Set(found.map(({ id }) => id));
    const isNews = found.some(({ id }) => !watched.has(id));
    looksForNames = isNews ? LOOKS_FOR_NAMES : looksForNames - 1;
    const fresh: [NamespaceId, NamespaceWatch][] = [];
    for (const one of found) {
      if (watched.has(one.id)) continue;
      const watch = openWatch(one, teller(one.id), (error) => failure.abort(error));
      if (watch === undefined) continue;
      watched.set(one.id, watch);
      fresh.push([one.id, watch]);
    }
    if (looksForNames >= 0) {
      const named = nameNamespaces(found, await containersOf(containers), runRoot ?? '/run/pontoon');
      for (const [id, { name }] of named) names.set(id, name);
    }
    for (const [id, watch] of fresh) {
      if (!isFirst) {
        teller(id)({ kind: 'namespace', action: 'added', interface: null, text: `with ${watch.linkNames.join(', ')}` });
      }
      watch.start();
    }
    for (const [id, watch] of watched) {
      if (ids.has(id)) continue;
      watch[Symbol.dispose]();
      watched.delete(id);
      teller(id)({ kind: 'namespace', action: 'removed', interface: null, text: 'nobody is in it any more' });
      names.delete(id);
    }
  };

  try {
    await look(true);
    ready?.(watched.size);
    while (!ended.aborted) {
      await sleep(LOOK_MS, undefined, { signal: ended }).catch(onlyAborted);
      if (!ended.aborted) await look(false);
    }
    if (failure.signal.aborted) throw failure.signal.reason;
  } finally {
    for (const watch of watched.values()) watch[Symbol.dispose]();
  }
}

/** The subscriptions in one namespace. */
class NamespaceWatch implements Disposable {
  readonly #ledger = new RoutingLedger();
  readonly #namespace: NetworkNamespace;
  readonly #routing: MulticastSubscription;
  readonly #filter: MulticastSubscription;
  readonly #note: (noted: Noted) => void;
  readonly #fail: (error: unknown) => void;

  /** From here on nothing is missed; it is told after `start`. */
  constructor(namespace: NetworkNamespace, note: (noted: Noted) => void, fail: (error: unknown) => void) {
    this.#namespace = namespace;
    this.#note = note;
    this.#fail = fail;
    [this.#routing, this.#filter] = namespace.enter(() => [
      new MulticastSubscription(NETLINK_ROUTE, ROUTING_GROUPS),
      new MulticastSubscription(NETLINK_NETFILTER, [NFNLGRP_NFTABLES]),
    ]);
    this.#read();
  }

  get linkNames(): string[] {
    return this.#ledger.linkNames;
  }

  start(): void {
    this.#follow(this.#routing, (message) => this.#ledger.note(message)).catch(this.#fail);
    this.#follow(this.#filter, noteFilter).catch(this.#fail);
  }

  [Symbol.dispose](): void {
    this.#routing[Symbol.dispose]();
    this.#filter[Symbol.dispose]();
    this.#namespace[Symbol.dispose]();
  }

  async #follow(
    subscription: MulticastSubscription,
    read: (message: Parameters<RoutingLedger['note']>[0]) => Noted | undefined,
  ): Promise<void> {
    for await (const notification of subscription) {
      if (notification.kind === 'overrun') {
        this.#read();
        const text = 'the kernel told faster than could be read: some changes before this line are missing';
        this.#note({ kind: 'overrun', action: 'lost', interface: null, text });
        continue;
      }
      const noted = read(notification.message);
      if (noted !== undefined) this.#note(noted);
    }
  }

  #read(): void {
    this.#namespace.enter(() => {
      using socket = new NetlinkSocket(NETLINK_ROUTE);
      this.#ledger.read(socket);
    });
  }
}

/** Undefined for one that is gone by now, or that may not be entered. */
function openWatch(
  { open, id }: FoundNamespace,
  note: (noted: Noted) => void,
  fail: (error: unknown) => void,
): NamespaceWatch | undefined {
  let namespace: NetworkNamespace;
  try {
    namespace = NetworkNamespace.open(open);
  } catch (error) {
    if (PontoonError.is(error, 'namespace-not-found', 'no-privilege')) return undefined;
    throw error;
  }
  try {
    if (`net:[${namespace.inode}]` === id) return new NamespaceWatch(namespace, note, fail);
  } catch (error) {
    namespace[Symbol.dispose]();
    throw error;
  }
  namespace[Symbol.dispose](); // the process ended, and another one has its number
  return undefined;
}

async function containersOf(sources: WatchOptions['containers']) {
  if (sources === false) return [];
  const { containers } = await readContainers(sources);
  return containers.map(({ path, ...container }) => {
    const namespace = path === undefined ? undefined : namespaceIdOf(path);
    return { ...container, ...(namespace === undefined ? {} : { namespace }) };
  });
}

function onlyAborted(error: Error): void {
  if (error.name !== 'AbortError') throw error;
}
