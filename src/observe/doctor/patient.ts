/**
 * @module What all checks look at: the snapshot made ready, and which interfaces share a layer-2 segment.
 */

import { type Address, Prefix } from '../../ipam/index.ts';
import { tryAddress } from '../explain/filter/nft-data.ts';
import { type At, Model, type Owned, type Stack } from '../explain/model.ts';
import type { Link, LinkReference, Route, Snapshot } from '../snapshot/types.ts';

/** Kinds of links behind which nobody is whom the snapshot does not know. */
const CLOSED = new Set(['veth', 'netkit', 'bridge', 'macvlan', 'ipvlan', 'loopback', 'dummy']);

export interface Uplink extends At {
  readonly router: Address | undefined;
}

export interface LayerTwoSegment {
  readonly members: readonly At[];
  /** Some of its interfaces lead to where the snapshot does not reach. */
  readonly leadsOut: boolean;
}

export class Patient {
  readonly snapshot: Snapshot;
  readonly model: Model;
  readonly host: Stack | undefined;
  readonly segments: readonly LayerTwoSegment[];
  readonly #segmentOf = new Map<string, LayerTwoSegment>();
  readonly #places = new Map<string, At>();
  readonly #joined = new Map<string, string[]>();

  constructor(snapshot: Snapshot) {
    this.snapshot = snapshot;
    this.model = new Model(snapshot);
    this.host = this.model.host;
    for (const stack of this.model.stacks) {
      for (const link of stack.links) this.#places.set(keyOf({ stack, link }), { stack, link });
    }
    for (const at of this.#places.values()) this.#joinLink(at);
    this.segments = this.#findSegments();
  }

  /** The host's way out: of the best default route. */
  uplink(family: 4 | 6): Uplink | undefined {
    const { host } = this;
    const [route] = (host?.namespace.routes ?? [])
      .filter((one) => one.family === family && one.table === 254 && one.type === 'unicast' && isDefault(one))
      .toSorted((a, b) => a.metric - b.metric);
    const hop = route?.nextHops[0];
    const link = host?.link(hop?.link);
    if (host === undefined || link === undefined) return undefined;
    return { stack: host, link, router: hop?.via === undefined ? undefined : tryAddress(hop.via) };
  }

  segmentOf(at: At): LayerTwoSegment {
    return this.#segmentOf.get(keyOf(at)) ?? { members: [at], leadsOut: !CLOSED.has(at.link.kind) };
  }

  /** The addresses that others on the segment of `at` have. */
  othersOn(at: At): { readonly at: At; readonly owned: Owned }[] {
    return this.segmentOf(at)
      .members.filter(({ stack }) => stack !== at.stack)
      .flatMap((one) => addressesAt(one).map((owned) => ({ at: one, owned })));
  }

  /** Who is behind a bridge's port, without the bridge. */
  behind(port: At): LayerTwoSegment {
    const bridge = port.stack.link(port.link.master);
    const closed = bridge === undefined ? new Set<string>() : new Set([keyOf({ stack: port.stack, link: bridge })]);
    return this.#reach(keyOf(port), (key) => closed.has(key.replace(/ vlan \d+$/, '')));
  }

  /** The ports of a bridge. */
  portsOf({ stack, link }: At): At[] {
    return [...stack.links].filter(({ master }) => master === link.index).map((port) => ({ stack, link: port }));
  }

  /** The other end of a veth in the snapshot. */
  peerOf({ link }: At): At | undefined {
    return this.model.at(link.peer);
  }

  #joinLink(at: At): void {
    const { stack, link } = at;
    const peer = this.model.at(link.peer);
    if (peer !== undefined) this.#join(keyOf(at), keyOf(peer));
    const bridge = stack.link(link.master);
    if (bridge?.bridge !== undefined) this.#join(keyOf(at), bridgeKey({ stack, link: bridge }, link));
    if (link.bridge?.vlanFiltering === true) this.#join(keyOf(at), bridgeKey(at, link));
    const lower = link.kind === 'macvlan' ? this.model.at(withNamespace(link.lower, stack)) : undefined;
    if (lower !== undefined) this.#join(keyOf(at), keyOf(lower));
  }

  #join(a: string, b: string): void {
    for (const [one, other] of [
      [a, b],
      [b, a],
    ] as const) {
      const list = this.#joined.get(one);
      if (list === undefined) this.#joined.set(one, [other]);
      else list.push(other);
    }
  }

  #findSegments(): LayerTwoSegment[] {
    const segments: LayerTwoSegment[] = [];
    for (const key of this.#places.keys()) {
      if (this.#segmentOf.has(key)) continue;
      const segment = this.#reach(key, () => false);
      for (const member of segment.members) this.#segmentOf.set(keyOf(member), segment);
      segments.push(segment);
    }
    return segments;
  }

  #reach(start: string, isClosed: (key: string) => boolean): LayerTwoSegment {
    const seen = new Set([start]);
    for (const key of seen) {
      for (const next of this.#joined.get(key) ?? []) if (!isClosed(next)) seen.add(next);
    }
    const members = [...seen].flatMap((key) => this.#places.get(key) ?? []);
    const leadsOut = members.some(
      (at) => !CLOSED.has(at.link.kind) || (at.link.peer !== undefined && this.peerOf(at) === undefined),
    );
    return { members, leadsOut };
  }
}

export function addressesAt({ stack, link }: At): Owned[] {
  return stack.owned.filter(
    ({ link: { index }, entry }) => index === link.index && entry.scope !== 'link' && entry.scope !== 'host',
  );
}

export function isDefault({ destination }: Route): boolean {
  return destination === '0.0.0.0/0' || destination === '::/0';
}

export function tryPrefix(text: string): Prefix | undefined {
  const [base = '', length] = text.split('/');
  const address = tryAddress(base);
  const bits = Number(length);
  if (address === undefined || !Number.isInteger(bits) || bits < 0 || bits > (address.family === 4 ? 32 : 128))
    return undefined;
  return new Prefix(address, bits);
}

function withNamespace(reference: LinkReference | undefined, stack: Stack): LinkReference | undefined {
  return reference && { namespace: reference.namespace ?? stack.namespace.id, index: reference.index };
}

/** Where VLANs are filtered, a port is on the segment of its untagged frames. */
function bridgeKey(bridge: At, port: Link): string {
  if (bridge.link.bridge?.vlanFiltering !== true) return keyOf(bridge);
  const pvid = port.vlans?.find((one) => one.pvid === true)?.first ?? 0;
  return `${keyOf(bridge)} vlan ${pvid}`;
}

function keyOf({ stack, link }: At): string {
  return `${stack.namespace.id} ${link.index}`;
}
