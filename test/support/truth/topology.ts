/**
 * @module Networks by hand, with ip(8): a hub (a namespace that routes, and is the host of the case) with bridges,
 * namespaces on the bridges, and an outside beyond an uplink. Everything is in namespaces, so that deleting them undoes
 * everything.
 */

import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Random } from './random.ts';

export interface Station {
  readonly name: string;
  readonly bridge: Bridge;
  /** Its port of the bridge, in the hub. */
  readonly port: string;
  readonly ipv4: string;
  readonly ipv6: string;
  readonly hasDefault: boolean;
}

export interface Bridge {
  readonly name: string;
  /** 10.N.0.0/24 and fd00:N::/64; the hub has .1 and ::1. */
  readonly number: number;
}

export interface Topology {
  readonly hub: string;
  readonly outside: { readonly name: string; readonly ipv4: string; readonly ipv6: string };
  readonly uplink: string;
  readonly bridges: readonly Bridge[];
  readonly stations: readonly Station[];
  readonly masquerades: boolean;
  /** Makes another namespace, which goes with the rest. */
  readonly addNamespace: (name: string) => void;
  readonly namespaces: readonly string[];
}

export const INTERFACE = 'eth0';

/** The namespace that the trial itself is in, where an engine makes its networks. */
export const HOST = 'host';

/** The words that run a command in a namespace. */
export function inside(namespace: string, words: readonly string[]): [command: string, ...words: string[]] {
  const [command = '', ...others] = words;
  return namespace === HOST ? [command, ...others] : ['ip', 'netns', 'exec', namespace, command, ...others];
}

/** Runs a command in a namespace, and returns its output. @throws Error with what it said */
export function run(namespace: string, ...words: string[]): string {
  const [command, ...others] = inside(namespace, words);
  return execFileSync(command, others, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Whether a command ends with status 0. */
export function succeeds(namespace: string, ...words: string[]): Promise<boolean> {
  const [command, ...others] = inside(namespace, words);
  return new Promise((resolve, reject) => {
    const child = spawn(command, others, { stdio: 'ignore' });
    child.once('error', reject);
    child.once('exit', (status) => resolve(status === 0));
  });
}

export function buildTopology(random: Random, tag: string): Topology {
  const hub = `${tag}hub`;
  const names: string[] = [hub];
  const bridges = Array.from(
    { length: random.between(1, 4) },
    (_, at): Bridge => ({ name: `br${at + 1}`, number: at + 1 }),
  );
  const stations = Array.from({ length: random.between(2, 12) }, (_, at): Station => {
    const bridge = random.pick(bridges);
    return {
      name: `${tag}s${at + 1}`,
      bridge,
      port: `p${at + 1}`,
      ipv4: `10.${bridge.number}.0.${at + 10}`,
      ipv6: `fd00:${bridge.number}::${at + 10}`,
      hasDefault: random.chance(0.9),
    };
  });
  const outside = { name: `${tag}out`, ipv4: '192.0.2.1', ipv6: '2001:db8:1::1' };
  const masquerades = random.chance(0.8);
  names.push(outside.name, ...stations.map(({ name }) => name));
  for (const name of names) makeNamespace(name);

  batch(hub, [
    ...bridges.flatMap(({ name, number }) => [
      `link add ${name} type bridge`,
      `link set ${name} up`,
      `addr add 10.${number}.0.1/24 dev ${name}`,
      `addr add fd00:${number}::1/64 dev ${name} nodad`,
    ]),
    ...stations.flatMap(({ name, bridge, port }) => [
      `link add ${port} type veth peer name ${INTERFACE} netns ${name}`,
      `link set ${port} master ${bridge.name} up`,
    ]),
    `link add up0 type veth peer name ${INTERFACE} netns ${outside.name}`,
    'link set up0 up',
    'addr add 192.0.2.2/24 dev up0',
    'addr add 2001:db8:1::2/64 dev up0 nodad',
  ]);
  for (const station of stations) attachTo(station);
  batch(outside.name, [
    `link set ${INTERFACE} up`,
    `addr add ${outside.ipv4}/24 dev ${INTERFACE}`,
    `addr add ${outside.ipv6}/64 dev ${INTERFACE} nodad`,
  ]);
  batch(hub, ['route add default via 192.0.2.1', 'route add ::/0 via 2001:db8:1::1']);
  run(hub, 'sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1');
  if (masquerades)
    nft(hub, [
      'add table inet hand',
      'add chain inet hand post { type nat hook postrouting priority srcnat; }',
      'add rule inet hand post oifname "up0" masquerade',
    ]);
  const addNamespace = (name: string) => {
    makeNamespace(name);
    names.push(name);
  };
  return { hub, outside, uplink: 'up0', bridges, stations, masquerades, addNamespace, namespaces: names };
}

export function makeNamespace(name: string): void {
  execFileSync('ip', ['netns', 'add', name]);
  // Without it a link-local address is tentative for a second or two, and no neighbour is asked meanwhile.
  run(name, 'sysctl', '-qw', 'net.ipv6.conf.default.accept_dad=0', 'net.ipv6.conf.all.accept_dad=0');
  batch(name, ['link set lo up']);
}

/** Gives a station's interface its addresses and its default routes. */
export function attachTo({ name, ipv4, ipv6, bridge, hasDefault }: Station, link = INTERFACE): void {
  batch(name, [
    `link set ${link} up`,
    `addr add ${ipv4}/24 dev ${link}`,
    `addr add ${ipv6}/64 dev ${link} nodad`,
    ...(hasDefault
      ? [`route add default via 10.${bridge.number}.0.1`, `route add ::/0 via fd00:${bridge.number}::1`]
      : []),
  ]);
}

/** Runs lines of ip(8) in a namespace. */
export function batch(namespace: string, lines: readonly string[]): void {
  execFileSync('ip', [...(namespace === HOST ? [] : ['-n', namespace]), '-batch', '-'], {
    input: `${lines.join('\n')}\n`,
    stdio: ['pipe', 'ignore', 'pipe'],
  });
}

/** Adds a rule of routing: its family is nothing that a line of a batch can say. */
export function addRoutingRule(namespace: string, family: 4 | 6, rule: string): void {
  run(namespace, 'ip', `-${family}`, 'rule', 'add', ...rule.split(' '));
}

export function nft(namespace: string, lines: readonly string[]): void {
  run(namespace, 'nft', lines.join('; '));
}

export function destroyTopology({ namespaces }: Topology): void {
  for (const name of namespaces) if (existsSync(`/run/netns/${name}`)) execFileSync('ip', ['netns', 'del', name]);
}
