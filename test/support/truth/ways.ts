/**
 * @module How one asks another: from which end, over which kind of network, to which address. Each way adds to the
 * topology what it needs and changes the question.
 */

import type { Case } from './case.ts';
import { addRoutingRule, attachTo, batch, INTERFACE, nft, run, type Station } from './topology.ts';

export interface Way {
  /** How often it is taken beside the others. */
  readonly weight: number;
  readonly applies: (c: Case) => boolean;
  readonly prepare: (c: Case) => void;
}

const always = () => true;
const ipv4 = ({ family }: Case) => family === 4;
const crosses = ({ a, b }: Case) => a.bridge !== b.bridge && a.hasDefault && b.hasDefault;
const gateway = ({ family }: Case, number: number) => (family === 4 ? `10.${number}.0.1` : `fd00:${number}::1`);
const anywhere = ({ family }: Case) => (family === 4 ? '0.0.0.0/0' : '::/0');

/** A new leg between two namespaces, with two addresses of one subnet: number 200 makes 10.200.0.1 and 10.200.0.2. */
function cable(from: string, to: string, name: string, number: number): void {
  batch(from, [`link add ${name} type veth peer name ${name} netns ${to}`]);
  for (const [namespace, last] of [
    [from, 1],
    [to, 2],
  ] as const)
    batch(namespace, [
      `link set ${name} up`,
      `addr add 10.${number}.0.${last}/24 dev ${name}`,
      `addr add fd00:${number}::${last}/64 dev ${name} nodad`,
    ]);
}

/** Another namespace of the case. */
function addNamespace(c: Case, word: string): string {
  const name = c.topology.hub.replace(/hub$/, word);
  c.topology.addNamespace(name);
  return name;
}

/** The question goes to another namespace, where the listener then is, too. */
function aim(c: Case, namespace: string, name: string, to: string): void {
  c.asked = { ...c.asked, to, meant: namespace };
  c.far = { namespace, interface: name, address: to };
  if (c.listener !== undefined) c.listener = { ...c.listener, namespace };
}

function askFrom(c: Case, namespace: string, name: string): void {
  c.asked = { ...c.asked, from: namespace };
  c.near = { namespace, interface: name };
}

/** The hub publishes b's port 80 as its own 8080. */
function publish(c: Case, rule: (to: string) => void): void {
  const { b, family } = c;
  rule(family === 4 ? `${b.ipv4}:80` : `[${b.ipv6}]:80`);
  c.asked = { ...c.asked, to: family === 4 ? '192.0.2.2' : '2001:db8:1::2', port: 8080, meant: b.name };
}

function publishByMap(c: Case): void {
  const { family, topology, b, asked } = c;
  const table = family === 4 ? 'ip' : 'ip6';
  const map = `map { 8080 : ${family === 4 ? b.ipv4 : b.ipv6} . 80 }`;
  publish(c, () =>
    nft(topology.hub, [
      `add table ${table} pub`,
      ...['prerouting priority dstnat', 'output priority -100'].flatMap((hook, at) => [
        `add chain ${table} pub c${at} { type nat hook ${hook}; }`,
        `add rule ${table} pub c${at} fib daddr type local dnat ${table} to ${asked.protocol} dport ${map}`,
      ]),
    ]),
  );
}

function publishByIptables(c: Case): void {
  publish(c, (to) => {
    const words = ['-p', c.asked.protocol, '--dport', '8080', '-j', 'DNAT', '--to-destination', to];
    const tool = c.family === 4 ? 'iptables' : 'ip6tables';
    const local = ['-m', 'addrtype', '--dst-type', 'LOCAL'];
    run(c.topology.hub, tool, '-t', 'nat', '-A', 'PREROUTING', ...local, ...words);
    run(c.topology.hub, tool, '-t', 'nat', '-A', 'OUTPUT', ...local, ...words);
  });
}

/** Two macvlans on a leg of b's bridge: the second and third hosts of a parent. */
function addMacvlans(c: Case): readonly [Station, Station] {
  const { hub } = c.topology;
  const { bridge } = c.b;
  batch(hub, [
    `link add trunk0 type veth peer name trunk1`,
    `link set trunk0 master ${bridge.name} up`,
    `link set trunk1 up`,
  ]);
  return [101, 102].map((number): Station => {
    const name = addNamespace(c, `m${number}`);
    const station: Station = {
      name,
      bridge,
      port: 'trunk0',
      ipv4: `10.${bridge.number}.0.${number}`,
      ipv6: `fd00:${bridge.number}::${number}`,
      hasDefault: true,
    };
    batch(hub, [`link add mv${number} link trunk1 type macvlan mode bridge`, `link set mv${number} netns ${name}`]);
    batch(name, [`link set mv${number} name ${INTERFACE}`]);
    attachTo(station);
    return station;
  }) as [Station, Station];
}

const WAYS_TABLE = {
  station: { weight: 10, applies: always, prepare: () => {} },
  outside: {
    weight: 2,
    applies: always,
    prepare: (c) => {
      const { outside, masquerades } = c.topology;
      aim(c, outside.name, INTERFACE, c.family === 4 ? outside.ipv4 : outside.ipv6);
      c.isWhole = c.a.hasDefault && masquerades;
    },
  },
  'the hub asks': {
    weight: 2,
    applies: always,
    prepare: (c) => {
      askFrom(c, c.topology.hub, c.b.bridge.name);
      c.isWhole = true;
    },
  },
  'the hub asks by an interface': {
    weight: 1,
    applies: always,
    prepare: (c) => {
      const { name } = c.random.chance(0.7) ? c.b.bridge : c.random.pick(c.topology.bridges);
      askFrom(c, c.topology.hub, c.b.bridge.name);
      c.asked = { ...c.asked, interface: name };
      c.isWhole = name === c.b.bridge.name;
    },
  },
  'the hub asks with a source': {
    weight: 1,
    applies: always,
    prepare: (c) => {
      const { number } = c.random.pick(c.topology.bridges);
      askFrom(c, c.topology.hub, c.b.bridge.name);
      c.asked = { ...c.asked, source: gateway(c, number) };
      c.isWhole = number === c.b.bridge.number || c.b.hasDefault;
    },
  },
  'the hub is asked': {
    weight: 1,
    applies: always,
    prepare: (c) => {
      aim(c, c.topology.hub, c.a.bridge.name, gateway(c, c.a.bridge.number));
      c.isWhole = true;
    },
  },
  'published by a map': {
    weight: 2,
    applies: ({ asked }) => asked.protocol !== 'icmp',
    prepare: (c) => {
      askFrom(c, c.topology.outside.name, INTERFACE);
      publishByMap(c);
      c.isWhole = c.b.hasDefault;
    },
  },
  'published by iptables': {
    weight: 2,
    applies: ({ asked }) => asked.protocol !== 'icmp',
    prepare: (c) => {
      askFrom(c, c.topology.outside.name, INTERFACE);
      publishByIptables(c);
      c.isWhole = c.b.hasDefault;
    },
  },
  'a neighbour asks the published port': {
    weight: 1,
    applies: ({ asked, a }) => asked.protocol !== 'icmp' && a.hasDefault,
    prepare: (c) => {
      c.random.pick([publishByMap, publishByIptables])(c);
      c.isWhole = crosses(c);
    },
  },
  'the hub asks its published port': {
    weight: 1,
    applies: ({ asked }) => asked.protocol !== 'icmp',
    prepare: (c) => {
      askFrom(c, c.topology.hub, c.b.bridge.name);
      c.random.pick([publishByMap, publishByIptables])(c);
      c.isWhole = c.b.hasDefault;
    },
  },
  'a direct cable': {
    weight: 1,
    applies: always,
    prepare: (c) => {
      cable(c.a.name, c.b.name, 'cable0', 200);
      c.near = { namespace: c.a.name, interface: 'cable0' };
      aim(c, c.b.name, 'cable0', c.family === 4 ? '10.200.0.2' : 'fd00:200::2');
      c.isWhole = true;
    },
  },
  'a station on two bridges': {
    weight: 2,
    applies: ({ topology, a }) => topology.bridges.length > 1 && a.hasDefault,
    prepare: (c) => {
      const { a, b, random, topology } = c;
      const bridge = random.pick(topology.bridges.filter((one) => one !== b.bridge));
      const leg: Station = {
        ...b,
        bridge,
        port: 'leg0',
        ipv4: `10.${bridge.number}.0.200`,
        ipv6: `fd00:${bridge.number}::200`,
        hasDefault: false,
      };
      batch(topology.hub, [
        `link add leg0 type veth peer name eth1 netns ${b.name}`,
        `link set leg0 master ${bridge.name} up`,
      ]);
      attachTo(leg, 'eth1');
      if (random.chance(0.6)) aim(c, b.name, 'eth1', c.family === 4 ? leg.ipv4 : leg.ipv6);
      // A program that listens on all addresses may answer UDP from another than the one that was asked.
      if (c.listener !== undefined) c.listener = { ...c.listener, address: c.far.address };
      c.isWhole = bridge === a.bridge && c.far.interface === 'eth1';
    },
  },
  'two routers': {
    weight: 2,
    applies: ({ a }) => a.hasDefault,
    prepare: (c) => {
      const { hub } = c.topology;
      const [first, second, end] = ['r1', 'r2', 'end'].map((word) => addNamespace(c, word)) as [string, string, string];
      cable(hub, first, 'down1', 201);
      cable(first, second, 'down2', 202);
      cable(second, end, 'down3', 203);
      const to = (number: number, distance: number) =>
        c.family === 4
          ? `10.${number}.0.0/24 via 10.${number - distance}.0.2`
          : `fd00:${number}::/64 via fd00:${number - distance}::2`;
      const back = (namespace: string, number: number) =>
        batch(namespace, [`route add ${anywhere(c)} via ${gateway(c, number)}`]);
      batch(hub, [`route add ${to(202, 1)}`, `route add ${to(203, 2)}`]);
      batch(first, [`route add ${to(203, 1)}`]);
      back(first, 201);
      back(second, 202);
      back(end, 203);
      for (const router of [first, second])
        run(router, 'sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1');
      aim(c, end, 'down3', c.family === 4 ? '10.203.0.2' : 'fd00:203::2');
      c.routers = [first, second];
      c.isWhole = true;
    },
  },
  'a macvlan is asked': {
    weight: 1,
    applies: always,
    prepare: (c) => {
      const [one] = addMacvlans(c);
      aim(c, one.name, INTERFACE, c.family === 4 ? one.ipv4 : one.ipv6);
      c.isWhole = c.a.bridge === c.b.bridge || c.a.hasDefault;
    },
  },
  'macvlans among themselves': {
    weight: 1,
    applies: always,
    prepare: (c) => {
      const [one, two] = addMacvlans(c);
      askFrom(c, one.name, INTERFACE);
      aim(c, two.name, INTERFACE, c.family === 4 ? two.ipv4 : two.ipv6);
      c.isWhole = true;
    },
  },
  'a rule of routing': {
    weight: 2,
    applies: crosses,
    prepare: (c) => {
      batch(c.a.name, [
        `route del ${anywhere(c)}`,
        `route add ${anywhere(c)} via ${gateway(c, c.a.bridge.number)} table 100`,
      ]);
      addRoutingRule(c.a.name, c.family, `to ${c.asked.to} lookup 100 priority 500`);
      c.isWhole = true;
    },
  },
  'proxy ARP': {
    weight: 1,
    applies: (c) => ipv4(c) && crosses(c),
    prepare: (c) => {
      batch(c.a.name, [
        'route del default',
        `addr del ${c.a.ipv4}/24 dev ${INTERFACE}`,
        `addr add ${c.a.ipv4}/8 dev ${INTERFACE}`,
      ]);
      run(c.topology.hub, 'sysctl', '-qw', `net.ipv4.conf.${c.a.bridge.name}.proxy_arp=1`);
      c.isWhole = true;
    },
  },
  'two default routes': {
    weight: 1,
    applies: crosses,
    prepare: (c) => {
      const dead = c.family === 4 ? `10.${c.a.bridge.number}.0.249` : `fd00:${c.a.bridge.number}::249`;
      batch(c.a.name, [
        `route del ${anywhere(c)}`,
        `route add ${anywhere(c)} via ${gateway(c, c.a.bridge.number)} metric 100`,
        `route add ${anywhere(c)} via ${dead} metric 200`,
      ]);
      c.isWhole = true;
    },
  },
} satisfies Readonly<Record<string, Way>>;

export type WayName = keyof typeof WAYS_TABLE;
export const WAYS: Readonly<Record<WayName, Way>> = WAYS_TABLE;

/** One of those that fit, by weight. */
export function chooseWay(c: Case): WayName {
  const fitting = (Object.entries(WAYS) as [WayName, Way][]).filter(([, { applies }]) => applies(c));
  return c.random.pick(fitting.flatMap(([name, { weight }]) => Array.from({ length: weight }, () => name)));
}
