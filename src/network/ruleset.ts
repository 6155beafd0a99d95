/**
 * @module The rules of the packet filter, and what networks and port bindings put into its sets and maps.
 *
 * The rules never change; what changes is what the sets and maps hold, one element for each network and each port
 * binding, so the cost of a packet grows with neither. A range of ports is one element. Nobody else's rules are
 * touched and no policy is set: what is dropped here is only what goes to a bridge of ours without being published.
 */

import type { NftElement, NftSet } from '../kernel/nftables/set.ts';
import type { Membership } from './gateway.ts';
import { gatewayMode, listensOn } from './gateway-mode.ts';
import type { EndpointRecord, NetworkRecord } from './store.ts';
import type { PortBinding } from './types.ts';

/** A table of our own. */
export const TABLE = { family: 'inet', name: 'pontoon' } as const;

/** The bridges of our networks. */
const bridges: NftSet = { table: TABLE, name: 'bridges', key: ['ifname'] };
/** Those of internal networks: nothing is forwarded from or to them. */
const internal: NftSet = { table: TABLE, name: 'internal', key: ['ifname'] };
/** Those whose packets take the host's address on their way out. */
const masquerade: NftSet = { table: TABLE, name: 'masqueraded', key: ['ifname'] };
/** Bridge pairs between which packets may be forwarded: each bridge and itself, when its endpoints may talk. */
const talking: NftSet = { table: TABLE, name: 'talking', key: ['ifname', 'ifname'] };

/** Bridges of routed networks: nothing is translated there. */
const routed: Record<4 | 6, NftSet> = {
  4: { table: TABLE, name: 'routed4', key: ['ifname'] },
  6: { table: TABLE, name: 'routed6', key: ['ifname'] },
};
/** Bridges whose endpoints are open to who has a route there. */
const unprotected: Record<4 | 6, NftSet> = {
  4: { table: TABLE, name: 'unprotected4', key: ['ifname'] },
  6: { table: TABLE, name: 'unprotected6', key: ['ifname'] },
};
/** Bridge → the address of the host that its packets take on their way out. */
const sources: Record<4 | 6, NftSet> = {
  4: { table: TABLE, name: 'sources4', key: ['ifname'], data: ['ipv4_addr'] },
  6: { table: TABLE, name: 'sources6', key: ['ifname'], data: ['ipv6_addr'] },
};
/** Endpoint address, protocol and range of ports that are open without translation. */
const open: Record<4 | 6, NftSet> = {
  4: { table: TABLE, name: 'open4', key: ['ipv4_addr', 'inet_proto', 'inet_service'], intervals: true },
  6: { table: TABLE, name: 'open6', key: ['ipv6_addr', 'inet_proto', 'inet_service'], intervals: true },
};

/** Interface of the host, endpoint address, protocol and range of ports: published, and open without translation from there. */
const trusted: Record<4 | 6, NftSet> = {
  4: { table: TABLE, name: 'trusted4', key: ['ifname', 'ipv4_addr', 'inet_proto', 'inet_service'], intervals: true },
  6: { table: TABLE, name: 'trusted6', key: ['ifname', 'ipv6_addr', 'inet_proto', 'inet_service'], intervals: true },
};

/** Protocol and host port → endpoint address and port: bindings on all addresses of the host. */
const anyAddress: Record<4 | 6, NftSet> = {
  4: { table: TABLE, name: 'any4', key: ['inet_proto', 'inet_service'], data: ['ipv4_addr', 'inet_service'] },
  6: { table: TABLE, name: 'any6', key: ['inet_proto', 'inet_service'], data: ['ipv6_addr', 'inet_service'] },
};
/** The same with a host address before: bindings on one address. */
const oneAddress: Record<4 | 6, NftSet> = {
  4: {
    table: TABLE,
    name: 'address4',
    key: ['ipv4_addr', 'inet_proto', 'inet_service'],
    data: ['ipv4_addr', 'inet_service'],
  },
  6: {
    table: TABLE,
    name: 'address6',
    key: ['ipv6_addr', 'inet_proto', 'inet_service'],
    data: ['ipv6_addr', 'inet_service'],
  },
};
/** Host address or prefix, protocol and range of ports that keep their numbers → endpoint address. */
const ranges: Record<4 | 6, NftSet> = {
  4: {
    table: TABLE,
    name: 'ranges4',
    key: ['ipv4_addr', 'inet_proto', 'inet_service'],
    data: ['ipv4_addr'],
    intervals: true,
  },
  6: {
    table: TABLE,
    name: 'ranges6',
    key: ['ipv6_addr', 'inet_proto', 'inet_service'],
    data: ['ipv6_addr'],
    intervals: true,
  },
};

export const SETS: readonly NftSet[] = [bridges, internal, masquerade, talking].concat(
  [routed, unprotected, sources, open, trusted, anyAddress, oneAddress, ranges].flatMap((maps) => [maps[4], maps[6]]),
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
  set trusted4 { type ifname . ipv4_addr . inet_proto . inet_service; flags interval; }
  set trusted6 { type ifname . ipv6_addr . inet_proto . inet_service; flags interval; }
  map any4 { type inet_proto . inet_service : ipv4_addr . inet_service; }
  map any6 { type inet_proto . inet_service : ipv6_addr . inet_service; }
  map address4 { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }
  map address6 { type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service; }
  map ranges4 { type ipv4_addr . inet_proto . inet_service : ipv4_addr; flags interval; }
  map ranges6 { type ipv6_addr . inet_proto . inet_service : ipv6_addr; flags interval; }

  chain raw {
    type filter hook prerouting priority raw; policy accept;
    iifname @bridges ip daddr 127.0.0.0/8 drop comment "route_localnet is for answers only"
    iifname @bridges ip saddr 127.0.0.0/8 drop comment "and nobody there is this host"
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
    iifname . ip daddr . meta l4proto . th dport @trusted4 accept comment "from trusted interfaces"
    iifname . ip6 daddr . meta l4proto . th dport @trusted6 accept
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

/** What the port bindings of an endpoint put into the sets and maps: some, or all that it has. */
export function bindingElements({ endpoint, network }: Membership, bindings = endpoint.ports): Placed[] {
  return bindings.flatMap((binding) => [
    ...translationElements(endpoint, binding),
    ...trustedElements(endpoint, network, binding),
  ]);
}

/** One element for each interface from which the endpoint's own port is open. */
function trustedElements(
  endpoint: EndpointRecord,
  { trustedInterfaces = [] }: NetworkRecord,
  { protocol, port: [from, to], direct }: PortBinding,
): Placed[] {
  if (direct) return [];
  return trustedInterfaces.flatMap((name) =>
    ([4, 6] as const).flatMap((family): Placed[] => {
      const address = family === 4 ? endpoint.ipv4 : endpoint.ipv6;
      if (address === undefined) return [];
      return [{ set: trusted[family], element: { key: [name, address, protocol, { from, to }] } }];
    }),
  );
}

/** One element for each family that both sides have. */
function translationElements(endpoint: EndpointRecord, binding: PortBinding): Placed[] {
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

/** Whether a binding is on every address of the host. */
export function isWildcard(hostAddress: string | undefined): boolean {
  return hostAddress === undefined || hostAddress === '0.0.0.0' || hostAddress === '::';
}
