/**
 * @module The packet filter: one nftables table of our own in the host's namespace.
 *
 * The rules never change; what changes is what the sets and maps hold, one element for each network and each port
 * binding, so the cost of a packet grows with neither. A range of ports is one element. Nobody else's rules are
 * touched and no policy is set: what is dropped here is only what goes to a bridge of ours without being published.
 */

import { isDeepStrictEqual } from 'node:util';
import { flushConntrack } from '../kernel/conntrack.ts';
import { KernelError } from '../kernel/error.ts';
import { inScratchNamespace, NetworkNamespace } from '../kernel/namespace.ts';
import { openNetfilter } from '../kernel/netlink/nfnetlink.ts';
import type { NetlinkSocket } from '../kernel/netlink/socket.ts';
import { type NftRequest, transact } from '../kernel/nftables/batch.ts';
import { encodeFields, formatFields } from '../kernel/nftables/data.ts';
import { describeTable, listElements } from '../kernel/nftables/read.ts';
import { Nftables } from '../kernel/nftables/ruleset.ts';
import {
  addElement,
  deleteElement,
  deleteRawElement,
  type NftElement,
  type NftSet,
  type RawElement,
} from '../kernel/nftables/set.ts';
import { gatewayMode, listensOn } from './gateway-mode.ts';
import { step } from './step.ts';
import type { EndpointRecord, NetworkRecord } from './store.ts';
import type { PortBinding } from './types.ts';

const table = { family: 'inet', name: 'pontoon' } as const;

/** The bridges of our networks. */
const bridges: NftSet = { table, name: 'bridges', key: ['ifname'] };
/** Those of internal networks: nothing is forwarded from or to them. */
const internal: NftSet = { table, name: 'internal', key: ['ifname'] };
/** Those whose packets take the host's address on their way out. */
const masquerade: NftSet = { table, name: 'masqueraded', key: ['ifname'] };
/** Bridge pairs between which packets may be forwarded: each bridge and itself, when its endpoints may talk. */
const talking: NftSet = { table, name: 'talking', key: ['ifname', 'ifname'] };

/** Bridges of routed networks: nothing is translated there. */
const routed: Record<4 | 6, NftSet> = {
  4: { table, name: 'routed4', key: ['ifname'] },
  6: { table, name: 'routed6', key: ['ifname'] },
};
/** Bridges whose endpoints are open to who has a route there. */
const unprotected: Record<4 | 6, NftSet> = {
  4: { table, name: 'unprotected4', key: ['ifname'] },
  6: { table, name: 'unprotected6', key: ['ifname'] },
};
/** Bridge → the address of the host that its packets take on their way out. */
const sources: Record<4 | 6, NftSet> = {
  4: { table, name: 'sources4', key: ['ifname'], data: ['ipv4_addr'] },
  6: { table, name: 'sources6', key: ['ifname'], data: ['ipv6_addr'] },
};
/** Endpoint address, protocol and range of ports that are open without translation. */
const open: Record<4 | 6, NftSet> = {
  4: { table, name: 'open4', key: ['ipv4_addr', 'inet_proto', 'inet_service'], intervals: true },
  6: { table, name: 'open6', key: ['ipv6_addr', 'inet_proto', 'inet_service'], intervals: true },
};

/** Protocol and host port → endpoint address and port: bindings on all addresses of the host. */
const anyAddress: Record<4 | 6, NftSet> = {
  4: { table, name: 'any4', key: ['inet_proto', 'inet_service'], data: ['ipv4_addr', 'inet_service'] },
  6: { table, name: 'any6', key: ['inet_proto', 'inet_service'], data: ['ipv6_addr', 'inet_service'] },
};
/** The same with a host address before: bindings on one address. */
const oneAddress: Record<4 | 6, NftSet> = {
  4: { table, name: 'address4', key: ['ipv4_addr', 'inet_proto', 'inet_service'], data: ['ipv4_addr', 'inet_service'] },
  6: { table, name: 'address6', key: ['ipv6_addr', 'inet_proto', 'inet_service'], data: ['ipv6_addr', 'inet_service'] },
};
/** Host address or prefix, protocol and range of ports that keep their numbers → endpoint address. */
const ranges: Record<4 | 6, NftSet> = {
  4: { table, name: 'ranges4', key: ['ipv4_addr', 'inet_proto', 'inet_service'], data: ['ipv4_addr'], intervals: true },
  6: { table, name: 'ranges6', key: ['ipv6_addr', 'inet_proto', 'inet_service'], data: ['ipv6_addr'], intervals: true },
};

const SETS: readonly NftSet[] = [bridges, internal, masquerade, talking].concat(
  [routed, unprotected, sources, open, anyAddress, oneAddress, ranges].flatMap((maps) => [maps[4], maps[6]]),
);

/** One element and the set that it belongs to. */
export interface Placed {
  readonly set: NftSet;
  readonly element: NftElement;
}

/** The table, as nft reads it. */
export const RULESET = `
table inet pontoon {
  comment "container networks of Pontoon: changes made here by hand are undone"
  set bridges { typeof iifname; }
  set internal { typeof iifname; }
  set masqueraded { typeof iifname; }
  set talking { typeof iifname . oifname; }
  set routed4 { typeof iifname; }
  set routed6 { typeof iifname; }
  set unprotected4 { typeof iifname; }
  set unprotected6 { typeof iifname; }
  map sources4 { typeof iifname : ip saddr; }
  map sources6 { typeof iifname : ip6 saddr; }
  set open4 { type ipv4_addr . inet_proto . inet_service; flags interval; }
  set open6 { type ipv6_addr . inet_proto . inet_service; flags interval; }
  map any4 { type inet_proto . inet_service : ipv4_addr . inet_service; }
  map any6 { type inet_proto . inet_service : ipv6_addr . inet_service; }
  map address4 { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }
  map address6 { type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service; }
  map ranges4 { type ipv4_addr . inet_proto . inet_service : ipv4_addr; flags interval; }
  map ranges6 { type ipv6_addr . inet_proto . inet_service : ipv6_addr; flags interval; }

  chain raw {
    type filter hook prerouting priority raw; policy accept;
    iifname @bridges ip daddr 127.0.0.0/8 drop comment "route_localnet is for answers only"
  }
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    iifname != "lo" ip daddr 127.0.0.0/8 return comment "published on loopback: for this host only"
    fib daddr type local jump published
  }
  chain output {
    type nat hook output priority -100; policy accept;
    fib daddr type local jump published
  }
  chain published {
    meta nfproto ipv4 meta l4proto { tcp, udp, sctp } dnat ip to meta l4proto . th dport map @any4
    meta l4proto { tcp, udp, sctp } dnat ip to ip daddr . meta l4proto . th dport map @address4
    dnat ip to ip daddr . meta l4proto . th dport map @ranges4
    meta nfproto ipv6 meta l4proto { tcp, udp, sctp } dnat ip6 to meta l4proto . th dport map @any6
    meta l4proto { tcp, udp, sctp } dnat ip6 to ip6 daddr . meta l4proto . th dport map @address6
    dnat ip6 to ip6 daddr . meta l4proto . th dport map @ranges6
  }
  chain forward {
    type filter hook forward priority filter; policy accept;
    ct state established,related accept
    iifname . oifname @talking accept comment "one network"
    iifname @internal drop comment "internal networks have no way out"
    oifname @internal drop comment "and no way in"
    oifname @bridges ct status dnat accept comment "published ports"
    meta nfproto ipv4 oifname @unprotected4 accept
    meta nfproto ipv6 oifname @unprotected6 accept
    ip daddr . meta l4proto . th dport @open4 accept comment "published without translation"
    ip6 daddr . meta l4proto . th dport @open6 accept
    oifname @routed4 meta l4proto icmp accept
    oifname @routed6 meta l4proto ipv6-icmp accept
    oifname @bridges drop comment "all else is closed"
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    iifname @bridges oifname @bridges ct status dnat masquerade comment "so that the answer comes back through here"
    oifname @bridges ip saddr 127.0.0.0/8 masquerade comment "from this host's loopback"
    oifname @bridges ip6 saddr ::1 masquerade comment "from this host's loopback"
    meta nfproto ipv4 iifname @routed4 return
    meta nfproto ipv6 iifname @routed6 return
    meta nfproto ipv4 oifname != @bridges snat ip to iifname map @sources4
    meta nfproto ipv6 oifname != @bridges snat ip6 to iifname map @sources6
    iifname @masqueraded oifname != @bridges masquerade comment "to the outside"
  }
}
`;

/** What a network puts into the sets. */
export function networkElements(network: NetworkRecord): Placed[] {
  const bridge = network.bridgeName;
  if (bridge === undefined) return [];
  const placed: Placed[] = [{ set: bridges, element: { key: [bridge] } }];
  if (network.icc) placed.push({ set: talking, element: { key: [bridge, bridge] } });
  if (network.internal) placed.push({ set: internal, element: { key: [bridge] } });
  else if (network.masquerade) placed.push({ set: masquerade, element: { key: [bridge] } });
  for (const family of [4, 6] as const) {
    const mode = gatewayMode(network, family);
    const source = family === 4 ? network.sourceAddress4 : network.sourceAddress6;
    if (mode === 'routed') placed.push({ set: routed[family], element: { key: [bridge] } });
    if (mode === 'nat-unprotected') placed.push({ set: unprotected[family], element: { key: [bridge] } });
    if (source !== undefined && network.masquerade && !network.internal) {
      placed.push({ set: sources[family], element: { key: [bridge], data: [source] } });
    }
  }
  return placed;
}

/** What a port binding puts into the maps: one element for each family that both sides have. */
export function bindingElements(endpoint: EndpointRecord, binding: PortBinding): Placed[] {
  return ([4, 6] as const).flatMap((family): Placed[] => {
    const address = family === 4 ? endpoint.ipv4 : endpoint.ipv6;
    if (address === undefined || !listensOn(binding, family)) return [];
    const from = isWildcard(binding.hostAddress) ? undefined : binding.hostAddress;
    const [hostFirst, hostLast] = binding.hostPort;
    const [first, last] = binding.port;
    if (binding.direct) {
      return [{ set: open[family], element: { key: [address, binding.protocol, { from: first, to: last }] } }];
    }
    if (hostFirst === first && hostLast > hostFirst) {
      const key = [from ?? (family === 4 ? '0.0.0.0/0' : '::/0'), binding.protocol, { from: hostFirst, to: hostLast }];
      return [{ set: ranges[family], element: { key, data: [address] } }];
    }
    // nftables has no arithmetic on ports: a range that changes its numbers is an element for each port.
    return Array.from({ length: hostLast - hostFirst + 1 }, (_, offset): Placed => {
      const data = [address, first + offset];
      const port = [binding.protocol, hostFirst + offset];
      if (from === undefined) return { set: anyAddress[family], element: { key: port, data } };
      return { set: oneAddress[family], element: { key: [from, ...port], data } };
    });
  });
}

/** What the engine wants of a packet filter. */
export interface PacketFilter extends Disposable {
  /** Whether published ports are led to their endpoints. */
  readonly publishes: boolean;
  /** @throws KernelError; then nothing has changed */
  add(placed: readonly Placed[]): void;
  /** Takes elements out; what is not there is fine. */
  remove(placed: readonly Placed[]): void;
  /**
   * Ends the UDP flows of bindings: a stale one would keep its old destination, or none, for as long as packets come. It
   * goes on in the background, until `settled`.
   */
  forgetFlows(bindings: readonly PortBinding[]): void;
  settled(): Promise<void>;
  /** Makes the kernel hold exactly these elements; one line for each thing done. @throws PontoonError */
  repair(wanted: readonly Placed[]): string[];
}

/** No rules at all, for who filters packets by other means. */
export class NoRuleset implements PacketFilter {
  readonly publishes = false;

  add(): void {}
  remove(): void {}
  forgetFlows(): void {}
  async settled(): Promise<void> {}

  /** Removes the table of an engine that had one. */
  repair(): string[] {
    using socket = openNetfilter();
    if (describeTable(socket, table).length === 0) return [];
    step('rules: table');
    install(['delete table inet pontoon']);
    return ['table inet pontoon: removed'];
  }

  [Symbol.dispose](): void {}
}

/** The table in the kernel, and changes to what it holds: each one transaction. */
export class Ruleset implements PacketFilter {
  readonly publishes = true;
  readonly #socket: NetlinkSocket = openNetfilter();
  /** Of its own, because the kernel is still busy with one request while the next transaction begins. */
  readonly #flows: NetlinkSocket = openNetfilter();
  readonly #onError: (error: Error) => void;
  #flushing: Promise<void> | undefined;

  constructor(onError: (error: Error) => void) {
    this.#onError = onError;
  }

  /** After `settled`. */
  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
    this.#flows[Symbol.dispose]();
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

  forgetFlows(bindings: readonly PortBinding[]): void {
    const udp = bindings.filter(({ protocol, direct }) => protocol === 'udp' && direct !== true);
    if (udp.length === 0) return;
    const before = this.#flushing;
    const flushing = (async () => {
      await before;
      for (const binding of udp) await flushFlows(this.#flows, binding);
    })()
      .catch(this.#onError)
      .finally(() => {
        if (this.#flushing === flushing) this.#flushing = undefined;
      });
    this.#flushing = flushing;
  }

  async settled(): Promise<void> {
    await this.#flushing;
  }

  repair(wanted: readonly Placed[]): string[] {
    const rebuilt = this.#repairRules();
    const done = rebuilt ? ['table inet pontoon: made'] : [];
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
        if (!rebuilt)
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

  /** Compares chains, rules and sets with what RULESET makes in this kernel; makes the table anew where they differ. */
  #repairRules(): boolean {
    const present = describeTable(this.#socket, table);
    if (present.length > 0 && isDeepStrictEqual(present, reference())) return false;
    step('rules: table');
    install(['table inet pontoon', 'delete table inet pontoon', RULESET]);
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
    return describeTable(socket, table);
  });
  return referenceTable;
}

function rawKey({ first, last }: Pick<RawElement, 'first' | 'last'>): string {
  return `${first.toString('latin1')}|${last.toString('latin1')}`;
}

function sameData(set: NftSet, { data }: NftElement, present: RawElement): boolean {
  if (set.data === undefined || set.data === 'verdict' || data === undefined || 'verdict' in data) return true;
  return present.data?.equals(encodeFields(set.data, data).first) === true;
}

async function flushFlows(socket: NetlinkSocket, { hostPort, hostAddress }: PortBinding): Promise<void> {
  const destination = isWildcard(hostAddress) ? {} : { originalDestination: hostAddress! };
  await flushConntrack(socket, { protocol: 'udp', originalPort: hostPort, ...destination });
}

function isWildcard(hostAddress: string | undefined): boolean {
  return hostAddress === undefined || hostAddress === '0.0.0.0' || hostAddress === '::';
}
