/**
 * @module What Pontoon has in the kernel and on disk, found without it, beside what its records say there should be.
 *
 * `present` reads the kernel; `wanted` derives the same lines from what the engine shows. Where the two are equal,
 * nothing is leaked and nothing is lost. A network's or sandbox's random ID never leaves this file: lines say names.
 */

import assert from 'node:assert/strict';
import { closeSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { World } from '../../src/cli/demo/world.ts';
import type { Endpoint, Engine, Network, PortBinding, Sandbox } from '../../src/index.ts';
import { KernelError } from '../../src/kernel/error.ts';
import { openBoundSocket, type SocketProtocol } from '../../src/kernel/inet-socket.ts';
import { NetlinkSocket } from '../../src/kernel/netlink/socket.ts';
import { listAddresses } from '../../src/kernel/rtnetlink/address.ts';
import { listLinks } from '../../src/kernel/rtnetlink/link.ts';
import { listRoutes } from '../../src/kernel/rtnetlink/route.ts';
import { NETLINK_ROUTE } from '../../src/kernel/uapi/netlink.ts';
import { RT_SCOPE_UNIVERSE, RT_TABLE_MAIN } from '../../src/kernel/uapi/rtnetlink.ts';
import { FOREIGN, ROOTS } from './kill-operations.ts';
import { inside, type Lab } from './lab.ts';

/** Sorted lines, so that a difference reads well. */
export interface Inventory {
  /** 'NAME owner ID master NAME' for each link on the host that is ours by mark, alias or name. */
  readonly links: string[];
  /** 'SANDBOX INTERFACE MAC ADDRESS… up' and 'SANDBOX default via GATEWAY' inside the sandboxes' own namespaces. */
  readonly insides: string[];
  /** What is in the namespace that is not ours: 'INTERFACE' and 'table FAMILY NAME'. */
  readonly foreign: string[];
  /** The pins below the run directory: as files, and as mounts. */
  readonly pins: string[];
  readonly mounts: string[];
  /** The directories of rendered files, without those of stopped sandboxes, who may have them. */
  readonly files: string[];
  /** 'SET KEY [: DATA]' of the table inet pontoon. */
  readonly elements: string[];
}

const OURS = /^(veth[0-9a-f]{8}|br-[0-9a-z]+|pontoon0)$/;
const GROUPS = [0x706f_6e74, 0x706f_6e75];

/** Compares the kernel with the engine's records. What the kernel takes away by itself may take its time. */
export async function assertNothingLeaked(lab: Lab, context: string): Promise<void> {
  const expected = wanted(lab.engine);
  for (let attempt = 0; attempt < 100; attempt++) {
    if (sameText(await present(lab), expected)) return;
    await sleep(20); // a namespace ends in the background (cleanup_net), and its interfaces with it
  }
  assert.deepEqual(await present(lab), expected, context);
}

/** What is there. */
export async function present({ world, engine }: Lab): Promise<Inventory> {
  using rt = new NetlinkSocket(NETLINK_ROUTE);
  const all = listLinks(rt);
  const nameOf = new Map(all.map(({ index, name }) => [index, name]));
  const links = all
    .filter(({ name, group, alias }) => GROUPS.includes(group) || alias?.startsWith('pontoon:') || OURS.test(name))
    .map(({ name, alias, master, up }) => {
      const owner = alias?.replace('pontoon:', '') ?? 'nobody';
      return `${name} owner ${owner} master ${nameOf.get(master ?? 0) ?? 'none'} ${up ? 'up' : 'down'}`;
    });
  const insides = engine.listSandboxes().flatMap((sandbox) => (hasOwnStack(sandbox) ? lookInside(sandbox) : []));
  const netns = join(ROOTS.runRoot, 'netns');
  const mountinfo = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  const { stdout } = await world.run('host', ['nft', '-j', 'list', 'table', 'inet', 'pontoon']);
  return {
    links: links.sort(),
    insides: insides.sort(),
    foreign: await lookAtForeign(world),
    pins: entries(netns),
    mounts: mountinfo
      .map((line) => line.split(' ')[4] ?? '')
      .filter((path) => path.startsWith(`${ROOTS.runRoot}/`))
      .sort(),
    files: entries(join(ROOTS.runRoot, 'sandboxes')).filter((name) => !isStopped(engine, name)),
    elements: parseElements(stdout),
  };
}

/** Whether a directory of files is that of a sandbox that does not run. */
function isStopped(engine: Engine, name: string): boolean {
  return engine.listSandboxes().some(({ id, running }) => !running && id.startsWith(name));
}

/** What should be there. */
export function wanted(engine: Engine): Inventory {
  const networks = engine.listNetworks();
  const sandboxes = engine.listSandboxes();
  const running = sandboxes.filter((sandbox) => sandbox.running);
  const endpoints = running.flatMap((sandbox) => sandbox.endpoints);
  const bridgeOf = ({ networkId }: Endpoint) => networks.find(({ id }) => id === networkId)?.bridgeName;
  const pinned = running.filter(
    ({ namespace }) => namespace === 'new' || (typeof namespace === 'object' && 'pid' in namespace),
  );
  const pins = pinned.map(({ id }) => id.slice(0, 12)).sort();
  return {
    links: [
      ...networks.flatMap(({ bridgeName, id }) =>
        bridgeName === undefined ? [] : [`${bridgeName} owner ${id} master none up`],
      ),
      ...endpoints.flatMap((endpoint) =>
        endpoint.hostInterface === undefined
          ? []
          : [`${endpoint.hostInterface} owner ${endpoint.id} master ${bridgeOf(endpoint)} up`],
      ),
    ].sort(),
    insides: running.flatMap((sandbox) => (hasOwnStack(sandbox) ? describeInside(sandbox) : [])).sort(),
    foreign: running.flatMap((sandbox) => (sandbox.namespacePath === FOREIGN.path ? describeForeign(sandbox) : [])),
    pins,
    mounts: pins.map((pin) => join(ROOTS.runRoot, 'netns', pin)).sort(),
    files: running.flatMap((sandbox) => (isSharing(sandbox) ? [] : [sandbox.id.slice(0, 12)])).sort(),
    elements: [
      ...networks.flatMap(networkElements),
      ...endpoints.flatMap((endpoint) => endpoint.ports.flatMap((binding) => bindingElements(endpoint, binding))),
    ].sort(),
  };
}

/** Whether anybody may have a host port of both families now. */
export function isFree(protocol: SocketProtocol, port: number): boolean {
  try {
    closeSync(openBoundSocket(protocol, '::', port, { dualStack: true }));
    return true;
  } catch (error) {
    if (KernelError.isKernel(error, 'EADDRINUSE')) return false;
    throw error;
  }
}

/** Names, addresses and ports of everything, without what is drawn at random: two equal worlds give equal views. */
export function view(engine: Engine): unknown {
  const networks = engine.listNetworks().map(({ id: _id, createdMs: _ms, bridgeName: _bridge, ...rest }) => rest);
  const sandboxes = engine.listSandboxes().map(({ name, running, endpoints }) => ({
    name,
    running,
    endpoints: endpoints.map(({ networkName, interfaceName, mac, ipv4, ipv6, aliases, isGateway, ports }) => ({
      ...{ networkName, interfaceName, mac, ipv4, ipv6, aliases, isGateway, ports },
    })),
  }));
  const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : 1);
  const named = { networks: networks.toSorted(byName), sandboxes: sandboxes.toSorted(byName) };
  return JSON.parse(JSON.stringify(named)); // without the fields that are undefined
}

export function hasOwnStack({ namespace, running }: Pick<Sandbox, 'namespace' | 'running'>): boolean {
  return running && namespace !== 'host' && !isSharing({ namespace });
}

function isSharing({ namespace }: Pick<Sandbox, 'namespace'>): boolean {
  return typeof namespace === 'object' && 'sandbox' in namespace;
}

function lookInside(sandbox: Sandbox): string[] {
  if (!existsSync(sandbox.namespacePath!)) return [`${sandbox.name} has no namespace`];
  return inside(sandbox, () => {
    using rt = new NetlinkSocket(NETLINK_ROUTE);
    const links = listLinks(rt);
    const addresses = listAddresses(rt).filter(({ scope }) => scope === RT_SCOPE_UNIVERSE);
    const routes = listRoutes(rt, { table: RT_TABLE_MAIN }).filter(({ destination }) => destination.endsWith('/0'));
    return [
      ...links.map(({ index, name, mac, up }) => {
        const own = addresses.filter(({ link }) => link === index).map(({ address }) => address);
        return [sandbox.name, name, ...(name === 'lo' ? [] : [mac, ...own.sort()]), up ? 'up' : 'down'].join(' ');
      }),
      ...routes.map(({ via }) => `${sandbox.name} default via ${via}`),
    ];
  });
}

function describeInside({ name, endpoints }: Sandbox): string[] {
  // The endpoints come in the order in which they are asked for a default route.
  const gateways = (['gateway4', 'gateway6'] as const).map(
    (family) => endpoints.find((endpoint) => endpoint.isGateway && endpoint[family] !== undefined)?.[family],
  );
  const interfaces = endpoints.filter(({ interfaceName }) => interfaceName !== undefined);
  return [
    `${name} lo up`,
    ...interfaces.map(({ interfaceName, mac, ipv4, ipv6 }) => {
      const own = [ipv4, ipv6].filter((address) => address !== undefined);
      return [name, interfaceName, mac, ...own.sort(), 'up'].join(' ');
    }),
    ...gateways.flatMap((via) => (via === undefined ? [] : [`${name} default via ${via}`])),
  ];
}

async function lookAtForeign(world: World): Promise<string[]> {
  if (!existsSync(FOREIGN.path)) return [];
  const links = inside(FOREIGN.path, () => {
    using rt = new NetlinkSocket(NETLINK_ROUTE);
    return listLinks(rt).map(({ name }) => name);
  });
  const { stdout } = await world.run(FOREIGN.path, ['nft', 'list', 'tables']);
  return [...links.filter((name) => name !== 'lo').sort(), ...stdout.split('\n').filter((line) => line !== '')];
}

function describeForeign({ endpoints, resolver }: Sandbox): string[] {
  const names = endpoints.flatMap(({ interfaceName }) => interfaceName ?? []);
  return [...names.sort(), ...(resolver ? ['table netdev pontoon'] : [])];
}

function networkElements({ bridgeName, icc, internal, masquerade }: Network): string[] {
  if (bridgeName === undefined) return [];
  return [
    `bridges ${bridgeName}`,
    ...(icc ? [`talking ${bridgeName} . ${bridgeName}`] : []),
    ...(internal ? [`internal ${bridgeName}`] : []),
    ...(masquerade && !internal ? [`masqueraded ${bridgeName}`] : []),
  ];
}

function bindingElements(endpoint: Endpoint, { protocol, port, hostPort, hostAddress }: PortBinding): string[] {
  const families = [
    { set: 4, address: endpoint.ipv4, any: '0.0.0.0' },
    { set: 6, address: endpoint.ipv6, any: '::' },
  ].filter(({ set }) => hostAddress === undefined || (set === 6) === hostAddress.includes(':'));
  return families.flatMap(({ set, address, any }) => {
    if (address === undefined) return [];
    const to = address.split('/')[0];
    const from = hostAddress === any ? undefined : hostAddress;
    const [first, last] = hostPort;
    if (port[0] === first && last > first)
      return [`ranges${set} ${from ?? `${any}/0`} . ${protocol} . ${first}-${last} : ${to}`];
    const map = from === undefined ? `any${set}` : `address${set} ${from} .`;
    return Array.from(
      { length: last - first + 1 },
      (_, offset) => `${map} ${protocol} . ${first + offset} : ${to} . ${port[0] + offset}`,
    );
  });
}

/** The elements in what `nft -j list table` prints. */
function parseElements(json: string): string[] {
  if (json === '') return [];
  const { nftables } = JSON.parse(json) as { nftables: Record<string, { name: string; elem?: unknown[] }>[] };
  return nftables
    .flatMap((object) => object.set ?? object.map ?? [])
    .flatMap(({ name, elem = [] }) => elem.map((element) => `${name} ${formatElement(element)}`))
    .sort();
}

function formatElement(element: unknown): string {
  if (Array.isArray(element)) return element.map(formatElement).join(' : ');
  if (typeof element !== 'object' || element === null) return String(element);
  const { concat, prefix, range } = element as {
    concat?: unknown[];
    prefix?: { addr: string; len: number };
    range?: [unknown, unknown];
  };
  if (concat !== undefined) return concat.map(formatElement).join(' . ');
  if (prefix !== undefined) return `${prefix.addr}/${prefix.len}`;
  if (range !== undefined) return range.map(formatElement).join('-');
  throw new Error(`an element of another form: ${JSON.stringify(element)}`);
}

function entries(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory).sort() : [];
}

function sameText(a: Inventory, b: Inventory): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
