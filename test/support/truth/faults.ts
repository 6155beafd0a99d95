/**
 * @module One way each to break the path between two places of a topology, and the cause that explain is to name.
 */

import type { CauseCode } from '../../../src/observe/explain/causes.ts';
import type { Case } from './case.ts';
import { addRoutingRule, batch, INTERFACE, nft, run, type Station } from './topology.ts';
import type { WayName } from './ways.ts';

export interface Fault {
  /** The causes that name it; the first is the usual one. */
  readonly causes: readonly CauseCode[];
  /** The ways of asking that it fits; absent: from one station to another, or to the outside. */
  readonly ways?: readonly WayName[] | 'any';
  /** It takes things away that other faults need. */
  readonly isAlone?: boolean;
  /** Whether it can break this case's path. */
  readonly applies: (c: Case) => boolean;
  readonly inject: (c: Case) => void;
}

const sameBridge = ({ a, b }: Case) => a.bridge === b.bridge;
const crossing = (c: Case) => !sameBridge(c) && c.a.hasDefault && c.b.hasDefault;
const always = () => true;
const PLAIN: readonly WayName[] = ['station', 'outside'];
const PUBLISHED: readonly WayName[] = ['published by a map', 'published by iptables'];

/** Whether the fault can break the case's path, and its cause be known from the case alone. */
export function fits({ ways = PLAIN, applies }: Fault, c: Case): boolean {
  return (ways === 'any' || ways.includes(c.way)) && applies(c);
}

/** A kernel may be built without (CONFIG_BRIDGE_VLAN_FILTERING). */
function filtersVlans(namespace: string): boolean {
  try {
    batch(namespace, ['link add vlans0 type bridge vlan_filtering 1', 'link del vlans0']);
    return true;
  } catch {
    return false;
  }
}

const ipv4 = ({ family }: Case) => family === 4;
const both =
  (...conditions: ((c: Case) => boolean)[]) =>
  (c: Case) =>
    conditions.every((condition) => condition(c));
const toStation = ({ asked, b }: Case) => asked.meant === b.name;
const ports = ({ asked }: Case) => asked.protocol !== 'icmp';
const echo = ({ asked }: Case) => asked.protocol === 'icmp';
const arrives = ({ near, far }: Case) => near.namespace !== far.namespace;
const address = (c: Case, { ipv4: four, ipv6: six }: { ipv4: string; ipv6: string }) => (c.family === 4 ? four : six);
const anywhere = ({ family }: Case) => (family === 4 ? '0.0.0.0/0' : '::/0');
const words = ({ family }: Case) => (family === 4 ? 'ip' : 'ip6');
const bits = ({ family }: Case) => (family === 4 ? 32 : 128);
const macOf = (namespace: string, link: string) => run(namespace, 'cat', `/sys/class/net/${link}/address`).trim();
const third = (c: Case) => c.topology.stations.find((one) => one !== c.a && one !== c.b && one.bridge === c.b.bridge);

export const FAULTS: Readonly<Record<string, Fault>> = {
  "the sender's interface down": {
    causes: ['link-down'],
    ways: 'any',
    // A link that goes down takes its IPv6 addresses with it, and then it is not known whose the source was.
    applies: ({ family, asked }) => family === 4 || asked.source === undefined,
    inject: ({ near }) => batch(near.namespace, [`link set ${near.interface} down`]),
  },
  "the receiver's interface down": {
    causes: ['link-down'],
    ways: 'any',
    applies: arrives,
    inject: ({ far }) => batch(far.namespace, [`link set ${far.interface} down`]),
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
    ways: 'any',
    applies: ({ way }) => way !== 'a rule of routing',
    inject: (c) =>
      batch(c.near.namespace, [
        `route add ${c.random.pick(['blackhole', 'unreachable', 'prohibit'])} ${c.asked.to}/${bits(c)} metric 1`,
      ]),
  },
  'a rule of routing that throws away': {
    causes: ['blackhole-route'],
    ways: 'any',
    applies: always,
    inject: (c) =>
      addRoutingRule(
        c.near.namespace,
        c.family,
        `to ${c.asked.to} priority 100 ${c.random.pick(['blackhole', 'unreachable', 'prohibit'])}`,
      ),
  },
  'an empty table of routes': {
    causes: ['no-route'],
    ways: ['a rule of routing'],
    applies: always,
    inject: (c) => batch(c.a.name, [`route del ${anywhere(c)} table 100`]),
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
    applies: both(toStation, (c) => third(c) !== undefined),
    inject: (c) =>
      batch((third(c) as Station).name, [
        `addr add ${address(c, c.b)}/${c.family === 4 ? 24 : '64'} dev ${INTERFACE} ${c.family === 6 ? 'nodad' : ''}`,
      ]),
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
      const { hub } = c.topology;
      const { name, number } = c.b.bridge;
      batch(hub, [`addr del 10.${number}.0.1/24 dev ${name}`, `addr add 10.${number}.0.1/24 dev ${c.b.port}`]);
      c.asked = { ...c.asked, from: hub };
    },
  },
  'another VLAN': {
    causes: ['vlan-mismatch'],
    applies: both(toStation, ({ topology }) => filtersVlans(topology.hub)),
    inject: ({ topology: { hub }, b }) => {
      batch(hub, [`link set ${b.bridge.name} type bridge vlan_filtering 1`]);
      run(hub, 'bridge', 'vlan', 'del', 'dev', b.port, 'vid', '1');
      run(hub, 'bridge', 'vlan', 'add', 'dev', b.port, 'vid', '20', 'pvid', 'untagged');
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
  'no route for a loose reverse path': {
    causes: ['reverse-path'],
    applies: both(crossing, ipv4, toStation),
    inject: ({ b }) => {
      batch(b.name, ['route del default']);
      run(b.name, 'sysctl', '-qw', 'net.ipv4.conf.all.rp_filter=0', `net.ipv4.conf.${INTERFACE}.rp_filter=2`);
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
    applies: toStation,
    inject: (c) => batch(c.b.name, [`addr add ${address(c, c.a)}/${bits(c)} dev lo`]),
  },
  'a rule in the receiver': {
    causes: ['rule-drop'],
    ways: 'any',
    applies: arrives,
    inject: (c) => {
      const probes =
        c.asked.protocol === 'icmp'
          ? ['icmp type echo-request', 'icmpv6 type echo-request']
          : [`meta l4proto ${c.asked.protocol}`];
      nft(c.far.namespace, [
        `add table inet wall`,
        'add chain inet wall in { type filter hook input priority 0; }',
        ...probes.map((what) => `add rule inet wall in ${what} ${c.random.pick(['drop', 'counter drop', 'reject'])}`),
      ]);
    },
  },
  'a rule against the sender': {
    causes: ['rule-drop'],
    applies: toStation,
    inject: (c) =>
      nft(c.b.name, [
        `add table inet wall`,
        'add chain inet wall in { type filter hook input priority 0; }',
        `add rule inet wall in ${words(c)} saddr ${address(c, c.a)} drop`,
      ]),
  },
  'a policy in the sender': {
    causes: ['rule-drop'],
    ways: 'any',
    applies: always,
    inject: ({ near }) =>
      nft(near.namespace, [
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
      nft(c.topology.hub, [
        'add table inet fence',
        `add set inet fence bad { type ipv${c.family}_addr; flags interval; }`,
        `add element inet fence bad { ${address(c, c.a)} }`,
        'add chain inet fence passing { type filter hook forward priority -10; }',
        `add rule inet fence passing ct state established accept`,
        `add rule inet fence passing ${words(c)} saddr @bad drop`,
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
    ways: 'any',
    applies: ports,
    inject: (c) => {
      c.listener = undefined;
    },
  },
  'the listener on loopback': {
    causes: ['listener-loopback'],
    ways: 'any',
    applies: both(ports, arrives),
    inject: (c) => {
      if (c.listener !== undefined) c.listener = { ...c.listener, address: c.family === 4 ? '127.0.0.1' : '::1' };
    },
  },
  'an MTU too small': {
    causes: ['mtu-too-small'],
    ways: ['station', 'the hub asks', 'a direct cable', 'two routers', 'the hub asks by an interface'],
    applies: both(echo, arrives),
    inject: (c) => {
      batch(c.far.namespace, [`link set ${c.far.interface} mtu ${c.family === 4 ? 1000 : 1300}`]);
      c.asked = { ...c.asked, lengthBytes: 1428 };
    },
  },
  'no IPv6 at the sender': {
    causes: ['family-missing'],
    ways: 'any',
    applies: ({ family, near, topology }) => family === 6 && near.namespace !== topology.hub,
    inject: ({ near }) => {
      run(near.namespace, 'sysctl', '-qw', 'net.ipv6.conf.all.disable_ipv6=1');
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
    ways: 'any',
    applies: both(echo, arrives),
    inject: ({ far, family }) => {
      run(
        far.namespace,
        'sysctl',
        '-qw',
        family === 4 ? 'net.ipv4.icmp_echo_ignore_all=1' : 'net.ipv6.icmp.echo_ignore_all=1',
      );
    },
  },
  'no way back from a published port': {
    causes: ['no-return-route'],
    ways: PUBLISHED,
    applies: always,
    inject: (c) => batch(c.b.name, [`route del ${anywhere(c)}`]),
  },
  'forwarding off before a published port': {
    causes: ['forwarding-off'],
    ways: [...PUBLISHED, 'two routers'],
    applies: always,
    inject: ({ topology, routers, random, family }) => {
      const router = random.pick([topology.hub, ...routers]);
      run(router, 'sysctl', '-qw', family === 4 ? 'net.ipv4.ip_forward=0' : 'net.ipv6.conf.all.forwarding=0');
    },
  },
  'nobody has the address behind a published port': {
    causes: ['dnat-nowhere'],
    ways: PUBLISHED,
    applies: always,
    inject: (c) => batch(c.b.name, [`addr flush dev ${INTERFACE} scope global`]),
  },
  'a router that knows no way on': {
    causes: ['no-route'],
    ways: ['two routers'],
    applies: always,
    inject: (c) => batch(c.routers[1] as string, [`route del ${anywhere(c)}`, `addr flush dev down3 scope global`]),
  },
  'a router that knows no way back': {
    causes: ['no-return-route'],
    ways: ['two routers'],
    applies: always,
    inject: (c) => batch(c.random.pick([c.routers[1] as string, c.far.namespace]), [`route del ${anywhere(c)}`]),
  },
  'two routers that think it is the other': {
    causes: ['routing-loop'],
    ways: ['two routers'],
    applies: always,
    inject: (c) => {
      const [first = '', second = ''] = c.routers;
      batch(second, [`route add ${c.far.address}/${bits(c)} via ${c.family === 4 ? '10.202.0.1' : 'fd00:202::1'}`]);
      batch(first, [`route replace ${c.far.address}/${bits(c)} via ${c.family === 4 ? '10.202.0.2' : 'fd00:202::2'}`]);
    },
  },
  'a cable cut': {
    causes: ['no-route', 'family-missing'],
    isAlone: true,
    ways: ['a direct cable'],
    applies: ({ a }) => !a.hasDefault,
    inject: ({ b }) => batch(b.name, ['link del cable0']),
  },
  'the receiver gone': {
    causes: ['neighbour-failed'],
    isAlone: true,
    applies: both(toStation, sameBridge, echo),
    inject: ({ topology, b }) => batch(topology.hub, [`link del ${b.port}`]),
  },
  'a source of somebody else': {
    causes: ['wrong-source'],
    ways: ['station', 'outside', 'the hub asks', 'the hub asks with a source'],
    applies: always,
    inject: (c) => {
      c.asked = { ...c.asked, source: c.family === 4 ? '198.51.100.7' : '2001:db8:7::7' };
    },
  },
  'the wrong interface': {
    causes: ['different-segment'],
    ways: ['the hub asks'],
    applies: ({ family, topology }) => family === 4 && topology.bridges.length > 1,
    inject: (c) => {
      const { name } = c.random.pick(c.topology.bridges.filter((bridge) => bridge !== c.b.bridge));
      c.asked = { ...c.asked, interface: name };
    },
  },
  'macvlans that leave it to the bridge': {
    causes: ['hairpin-off'],
    ways: ['macvlans among themselves'],
    applies: always,
    inject: ({ near, far }) => {
      for (const { namespace } of [near, far]) batch(namespace, [`link set ${INTERFACE} type macvlan mode vepa`]);
    },
  },
  'the parent of macvlans down': {
    causes: ['link-down'],
    ways: ['macvlans among themselves', 'a macvlan is asked'],
    applies: always,
    inject: ({ topology }) => batch(topology.hub, ['link set trunk1 down']),
  },
  'no proxy': {
    causes: ['different-segment'],
    ways: ['proxy ARP'],
    applies: always,
    inject: ({ topology, a }) => {
      run(topology.hub, 'sysctl', '-qw', `net.ipv4.conf.${a.bridge.name}.proxy_arp=0`);
    },
  },
  'a better way to nobody': {
    causes: ['neighbour-failed'],
    ways: ['two default routes'],
    applies: always,
    inject: (c) => {
      const dead = c.family === 4 ? `10.${c.a.bridge.number}.0.248` : `fd00:${c.a.bridge.number}::248`;
      batch(c.a.name, [`route add ${anywhere(c)} via ${dead} metric 50`]);
    },
  },
  'a flow from before': {
    causes: ['conntrack-stale'],
    ways: PUBLISHED,
    applies: ({ asked, topology, b }) => asked.protocol === 'udp' && topology.stations.some((one) => one !== b),
    inject: (c) => {
      const old = c.topology.stations.find((one) => one !== c.b) as Station;
      const { near, asked, family } = c;
      const from = family === 4 ? c.topology.outside.ipv4 : c.topology.outside.ipv6;
      c.asked = { ...asked, fromPort: 5555 };
      const to = ['--reply-src', address(c, old), '--reply-dst', from];
      const ports = ['--sport', '5555', '--dport', '8080', '--reply-port-src', '80', '--reply-port-dst', '5555'];
      const flow = ['-p', 'udp', '--src', from, '--dst', asked.to, ...to, ...ports, '--timeout', '120'];
      run(c.topology.hub, 'conntrack', '-I', ...flow, '--dst-nat', address(c, old));
      if (near.namespace === c.topology.hub) throw new Error('the flow comes from outside');
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
