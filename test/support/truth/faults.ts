/**
 * @module One way each to break the path between two places of a topology, and the cause that explain is to name.
 */

import type { CauseCode } from '../../../src/observe/explain/causes.ts';
import type { Random } from './random.ts';
import { batch, INTERFACE, nft, run, type Station, type Topology } from './topology.ts';

/** Who asks whom, and how. */
export interface Asked {
  readonly from: string;
  readonly interface?: string;
  readonly to: string;
  /** The namespace that is meant. */
  readonly meant: string | undefined;
  readonly protocol: 'icmp' | 'tcp';
  readonly port?: number;
  /** Of the IP packet. */
  readonly lengthBytes: number;
}

export interface Case {
  readonly topology: Topology;
  readonly random: Random;
  readonly family: 4 | 6;
  readonly a: Station;
  readonly b: Station;
  /** Changed by faults that need another question. */
  asked: Asked;
  /** Where a listener is to be, for TCP. */
  listener: { readonly namespace: string; readonly address: string; readonly port: number } | undefined;
}

export interface Fault {
  /** The causes that name it; the first is the usual one. */
  readonly causes: readonly CauseCode[];
  /** Whether it can break this case's path. */
  readonly applies: (c: Case) => boolean;
  readonly inject: (c: Case) => void;
}

const sameBridge = ({ a, b }: Case) => a.bridge === b.bridge;
const crossing = (c: Case) => !sameBridge(c) && c.a.hasDefault && c.b.hasDefault;
const always = () => true;
const ipv4 = ({ family }: Case) => family === 4;
const both =
  (...conditions: ((c: Case) => boolean)[]) =>
  (c: Case) =>
    conditions.every((condition) => condition(c));
const toStation = ({ asked, b }: Case) => asked.meant === b.name;
const address = (c: Case, { ipv4: four, ipv6: six }: { ipv4: string; ipv6: string }) => (c.family === 4 ? four : six);
const bits = ({ family }: Case) => (family === 4 ? 32 : 128);
const macOf = (namespace: string, link: string) => run(namespace, 'cat', `/sys/class/net/${link}/address`).trim();
const third = (c: Case) => c.topology.stations.find((one) => one !== c.a && one !== c.b && one.bridge === c.b.bridge);

export const FAULTS: Readonly<Record<string, Fault>> = {
  "the sender's interface down": {
    causes: ['link-down'],
    applies: always,
    inject: ({ a }) => batch(a.name, [`link set ${INTERFACE} down`]),
  },
  "the receiver's interface down": {
    causes: ['link-down'],
    applies: toStation,
    inject: ({ b }) => batch(b.name, [`link set ${INTERFACE} down`]),
  },
  "the sender's port down": {
    causes: ['link-down'],
    applies: always,
    inject: ({ topology, a }) => batch(topology.hub, [`link set ${a.port} down`]),
  },
  "the receiver's port down": {
    causes: ['link-down'],
    applies: toStation,
    inject: ({ topology, b }) => batch(topology.hub, [`link set ${b.port} down`]),
  },
  'the bridge down': {
    causes: ['link-down'],
    applies: toStation,
    inject: ({ topology, b }) => batch(topology.hub, [`link set ${b.bridge.name} down`]),
  },
  'no default route': {
    causes: ['no-route'],
    applies: crossing,
    inject: ({ a, family }) => batch(a.name, [`route del ${family === 4 ? '0.0.0.0/0' : '::/0'}`]),
  },
  'no default route back': {
    causes: ['no-return-route'],
    applies: both(crossing, toStation),
    inject: ({ b, family }) => batch(b.name, [`route del ${family === 4 ? '0.0.0.0/0' : '::/0'}`]),
  },
  'a route that throws away': {
    causes: ['blackhole-route'],
    applies: always,
    inject: (c) =>
      batch(c.a.name, [
        `route add ${c.random.pick(['blackhole', 'unreachable', 'prohibit'])} ${c.asked.to}/${bits(c)} metric 1`,
      ]),
  },
  'a route that throws away in the hub': {
    causes: ['blackhole-route'],
    applies: both(crossing, toStation),
    inject: (c) =>
      batch(c.topology.hub, [
        `route add ${c.random.pick(['blackhole', 'unreachable', 'prohibit'])} ${c.asked.to}/${bits(c)} metric 1`,
      ]),
  },
  'the receiver on another bridge': {
    causes: ['different-segment'],
    applies: both(toStation, ({ topology }) => topology.bridges.length > 1),
    inject: ({ topology, b, random }) =>
      batch(topology.hub, [
        `link set ${b.port} master ${random.pick(topology.bridges.filter((bridge) => bridge !== b.bridge)).name}`,
      ]),
  },
  'a prefix too long': {
    causes: ['wrong-prefix'],
    applies: both(sameBridge, toStation, ({ b }) => !b.hasDefault),
    inject: (c) => {
      const own = address(c, c.b);
      batch(c.b.name, [
        `addr del ${own}/${c.family === 4 ? 24 : 64} dev ${INTERFACE}`,
        `addr add ${own}/${bits(c)} dev ${INTERFACE} ${c.family === 6 ? 'nodad' : ''}`,
      ]);
    },
  },
  'the address of another': {
    causes: ['duplicate-address'],
    applies: both(toStation, ipv4, (c) => third(c) !== undefined),
    inject: (c) => batch((third(c) as Station).name, [`addr add ${address(c, c.b)}/24 dev ${INTERFACE}`]),
  },
  'the MAC of the sender': {
    causes: ['duplicate-mac'],
    applies: both(sameBridge, toStation),
    inject: ({ a, b }) => batch(b.name, [`link set ${INTERFACE} address ${macOf(a.name, INTERFACE)}`]),
  },
  'an address that nobody has': {
    causes: ['neighbour-failed'],
    applies: both(sameBridge, toStation),
    inject: (c) => {
      c.asked = {
        ...c.asked,
        to: c.family === 4 ? `10.${c.b.bridge.number}.0.250` : `fd00:${c.b.bridge.number}::250`,
        meant: undefined,
      };
    },
  },
  'a neighbour entry that lies': {
    causes: ['neighbour-wrong'],
    applies: both(sameBridge, toStation),
    inject: (c) =>
      batch(c.a.name, [`neigh replace ${c.asked.to} lladdr 02:de:ad:00:00:01 dev ${INTERFACE} nud permanent`]),
  },
  'a neighbour entry that lies in the hub': {
    causes: ['neighbour-wrong'],
    applies: both(crossing, toStation),
    inject: (c) =>
      batch(c.topology.hub, [
        `neigh replace ${c.asked.to} lladdr 02:de:ad:00:00:02 dev ${c.b.bridge.name} nud permanent`,
      ]),
  },
  'an address on a port': {
    causes: ['address-on-port'],
    applies: both(ipv4, toStation),
    inject: (c) => {
      batch(c.topology.hub, [
        `addr del 10.${c.b.bridge.number}.0.1/24 dev ${c.b.bridge.name}`,
        `addr add 10.${c.b.bridge.number}.0.1/24 dev ${c.b.port}`,
      ]);
      c.asked = { ...c.asked, from: c.topology.hub };
    },
  },
  'isolated ports': {
    causes: ['port-isolated'],
    applies: both(sameBridge, toStation),
    inject: ({ topology, a, b }) => {
      for (const port of [a.port, b.port]) run(topology.hub, 'bridge', 'link', 'set', 'dev', port, 'isolated', 'on');
    },
  },
  'a blocked port': {
    causes: ['port-blocked'],
    applies: toStation,
    inject: ({ topology, a, b, random }) => {
      run(
        topology.hub,
        'bridge',
        'link',
        'set',
        'dev',
        random.pick([a, b]).port,
        'state',
        random.pick(['0', '1', '2', '4']),
      );
    },
  },
  'a static entry at the wrong port': {
    causes: ['fdb-wrong'],
    applies: both(toStation, (c) => third(c) !== undefined),
    inject: (c) => {
      run(
        c.topology.hub,
        'bridge',
        'fdb',
        'replace',
        macOf(c.b.name, INTERFACE),
        'dev',
        (third(c) as Station).port,
        'master',
        'static',
        'sticky',
      );
    },
  },
  'forwarding off': {
    causes: ['forwarding-off'],
    applies: crossing,
    inject: ({ topology, family }) => {
      run(topology.hub, 'sysctl', '-qw', family === 4 ? 'net.ipv4.ip_forward=0' : 'net.ipv6.conf.all.forwarding=0');
    },
  },
  'a strict reverse path': {
    causes: ['reverse-path'],
    applies: both(ipv4, toStation),
    inject: ({ a, b }) => {
      batch(b.name, [`route add ${a.ipv4}/32 dev lo`]);
      run(b.name, 'sysctl', '-qw', `net.ipv4.conf.${INTERFACE}.rp_filter=1`);
    },
  },
  "the sender's address at the receiver": {
    causes: ['martian'],
    applies: both(ipv4, toStation),
    inject: ({ a, b }) => batch(b.name, [`addr add ${a.ipv4}/32 dev lo`]),
  },
  'a rule in the receiver': {
    causes: ['rule-drop'],
    applies: toStation,
    inject: (c) => {
      const words = { 4: 'ip', 6: 'ip6' }[c.family];
      nft(c.b.name, [
        `add table inet wall`,
        'add chain inet wall in { type filter hook input priority 0; }',
        `add rule inet wall in ${words} saddr ${address(c, c.a)} ${c.random.pick(['drop', 'counter drop'])}`,
      ]);
    },
  },
  'a policy in the sender': {
    causes: ['rule-drop'],
    applies: always,
    inject: ({ a }) =>
      nft(a.name, [
        'add table inet wall',
        'add chain inet wall out { type filter hook output priority 0; policy drop; }',
        'add rule inet wall out meta l4proto ipv6-icmp icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit } accept',
      ]),
  },
  'a rule of iptables in the hub': {
    causes: ['rule-drop'],
    applies: crossing,
    inject: (c) => {
      run(
        c.topology.hub,
        c.family === 4 ? 'iptables' : 'ip6tables',
        '-I',
        'FORWARD',
        '-s',
        address(c, c.a),
        '-j',
        'DROP',
      );
    },
  },
  'a set in the hub': {
    causes: ['rule-drop'],
    applies: crossing,
    inject: (c) => {
      const words = { 4: 'ip', 6: 'ip6' }[c.family];
      nft(c.topology.hub, [
        'add table inet fence',
        `add set inet fence bad { type ipv${c.family}_addr; flags interval; }`,
        `add element inet fence bad { ${address(c, c.a)} }`,
        'add chain inet fence passing { type filter hook forward priority -10; }',
        `add rule inet fence passing ct state established accept`,
        `add rule inet fence passing ${words} saddr @bad drop`,
      ]);
    },
  },
  'no masquerade': {
    causes: ['masquerade-missing'],
    applies: ({ asked, topology }) => asked.meant === topology.outside.name && topology.masquerades,
    inject: ({ topology }) => nft(topology.hub, ['delete table inet hand']),
  },
  'nobody listens': {
    causes: ['no-listener'],
    applies: ({ asked, listener }) => asked.protocol === 'tcp' && listener !== undefined,
    inject: (c) => {
      c.listener = undefined;
    },
  },
  'the listener on loopback': {
    causes: ['listener-loopback'],
    applies: both(toStation, ipv4, ({ asked }) => asked.protocol === 'tcp'),
    inject: (c) => {
      c.listener = { namespace: c.b.name, address: '127.0.0.1', port: c.asked.port ?? 80 };
    },
  },
  'an MTU too small': {
    causes: ['mtu-too-small'],
    applies: both(toStation, ipv4, ({ asked }) => asked.protocol === 'icmp'),
    inject: (c) => {
      batch(c.b.name, [`link set ${INTERFACE} mtu 1000`]);
      c.asked = { ...c.asked, lengthBytes: 1428 };
    },
  },
  'no IPv6 at the sender': {
    causes: ['family-missing'],
    applies: ({ family }) => family === 6,
    inject: ({ a }) => {
      run(a.name, 'sysctl', '-qw', 'net.ipv6.conf.all.disable_ipv6=1');
    },
  },
  'the receiver ignores ARP': {
    causes: ['arp-ignored'],
    applies: both(ipv4, toStation),
    inject: ({ b, random }) => {
      if (random.chance(0.3)) batch(b.name, [`link set ${INTERFACE} arp off`]);
      else run(b.name, 'sysctl', '-qw', `net.ipv4.conf.${INTERFACE}.arp_ignore=8`);
    },
  },
  'the receiver ignores pings': {
    causes: ['echo-ignored'],
    applies: both(toStation, ({ asked }) => asked.protocol === 'icmp'),
    inject: ({ b, family }) => {
      run(
        b.name,
        'sysctl',
        '-qw',
        family === 4 ? 'net.ipv4.icmp_echo_ignore_all=1' : 'net.ipv6.icmp.echo_ignore_all=1',
      );
    },
  },
  'a published port that leads nowhere': {
    causes: ['dnat-nowhere'],
    applies: both(ipv4, ({ asked, topology }) => asked.protocol === 'tcp' && asked.meant === topology.outside.name),
    inject: (c) => {
      nft(c.topology.hub, [
        'add table ip pub',
        'add chain ip pub pre { type nat hook prerouting priority dstnat; }',
        `add rule ip pub pre fib daddr type local tcp dport 8080 dnat to 10.${c.b.bridge.number}.0.251:80`,
      ]);
      c.asked = { ...c.asked, from: c.topology.outside.name, to: '192.0.2.2', port: 8080, meant: undefined };
    },
  },
  'route_localnet off': {
    causes: ['route-localnet-off'],
    applies: both(ipv4, ({ asked }) => asked.protocol === 'tcp'),
    inject: (c) => {
      nft(c.topology.hub, [
        'add table ip pub',
        'add chain ip pub out { type nat hook output priority -100; }',
        `add rule ip pub out fib daddr type local tcp dport 8080 dnat to ${c.b.ipv4}:80`,
        'add chain ip pub post { type nat hook postrouting priority srcnat; }',
        'add rule ip pub post ip saddr 127.0.0.0/8 masquerade',
      ]);
      c.asked = { ...c.asked, from: c.topology.hub, to: '127.0.0.1', port: 8080, meant: undefined };
    },
  },
};
