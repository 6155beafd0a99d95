/**
 * @module One trial of the truth on networks of Pontoon's own engine: two networks, three sandboxes, a published port and
 * a neighbour on the LAN, with one thing asked for that the engine keeps from happening, or that was broken by hand.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Engine, type Network, openEngine, type Sandbox } from '../../../src/index.ts';
import type { CauseCode } from '../../../src/observe/explain/causes.ts';
import { takeSnapshot } from '../../../src/observe/snapshot/take.ts';
import type { Container, ContainerNetwork, Snapshot } from '../../../src/observe/snapshot/types.ts';
import type { Asked, Case } from './case.ts';
import { compare, explainAsked } from './judge.ts';
import { probe, startListener } from './probe.ts';
import type { Random } from './random.ts';
import { batch, HOST, makeNamespace, nft, run } from './topology.ts';
import type { Trial } from './trial.ts';

interface World {
  readonly engine: Engine;
  readonly random: Random;
  readonly family: 4 | 6;
  /** web and db are on front, app is on back; lan is beyond the uplink. */
  readonly names: Readonly<Record<'web' | 'db' | 'app' | 'lan', string>>;
  asked: Asked;
  listener: Case['listener'];
}

/** What is asked in it, what is wrong with it, and the causes that name that; none: nothing is. */
interface Scene {
  readonly causes: readonly CauseCode[];
  /** The networks' options, and where web's port is published. */
  readonly front?: { readonly icc?: boolean; readonly internal?: boolean };
  readonly back?: { readonly internal?: boolean };
  readonly hostAddress?: string;
  readonly set: (w: World) => void;
}

const UPLINK = { 4: { host: '192.0.2.2', lan: '192.0.2.1' }, 6: { host: '2001:db8:1::2', lan: '2001:db8:1::1' } };
const PUBLISHED = 8080;

/** One place asks another, by a port or by a ping. */
function ask(w: World, from: string, to: string, meant: string | undefined, port?: number): void {
  const question = port === undefined ? { protocol: 'icmp' as const } : { protocol: 'tcp' as const, port };
  w.asked = { from, to, meant, lengthBytes: 84, ...question };
}

function addressOf({ engine, family }: World, name: string): string {
  const [endpoint] = engine.inspectSandbox(name).endpoints;
  return ((family === 4 ? endpoint?.ipv4 : endpoint?.ipv6) ?? '').replace(/\/\d+$/, '');
}

const web = (w: World) => addressOf(w, w.names.web);
const pingOrPort = ({ random }: World) => (random.chance(0.5) ? undefined : 80);
const published = (w: World, from: string) => ask(w, from, UPLINK[w.family].host, w.names.web, PUBLISHED);

const SCENES: Readonly<Record<string, Scene>> = {
  'neighbours on one network': { causes: [], set: (w) => ask(w, w.names.db, web(w), w.names.web, pingOrPort(w)) },
  'the host asks': { causes: [], set: (w) => ask(w, HOST, web(w), w.names.web, pingOrPort(w)) },
  'to the outside': { causes: [], set: (w) => ask(w, w.names.web, UPLINK[w.family].lan, w.names.lan) },
  'a published port': { causes: [], set: (w) => published(w, w.names.lan) },
  'a published port, from the host': { causes: [], set: (w) => published(w, HOST) },
  'a published port, from a neighbour': { causes: [], set: (w) => published(w, w.names.db) },
  'a published port, from its own container': { causes: [], set: (w) => published(w, w.names.web) },
  'a published port, from another network': { causes: [], set: (w) => published(w, w.names.app) },
  'another network': {
    causes: ['network-isolated'],
    set: (w) => ask(w, w.names.app, web(w), w.names.web, pingOrPort(w)),
  },
  'an internal network': {
    causes: ['network-internal'],
    back: { internal: true },
    set: (w) => ask(w, w.names.web, addressOf(w, w.names.app), w.names.app, pingOrPort(w)),
  },
  'out of an internal network': {
    causes: ['network-internal'],
    back: { internal: true },
    set: (w) => ask(w, w.names.app, UPLINK[w.family].lan, w.names.lan),
  },
  'neighbours that are kept apart': {
    causes: ['port-isolated', 'rule-drop'],
    front: { icc: false },
    set: (w) => ask(w, w.names.db, web(w), w.names.web, pingOrPort(w)),
  },
  'a port that is not published': {
    causes: ['not-published'],
    set: (w) => ask(w, w.names.lan, addressOf(w, w.names.db), w.names.db, 80),
  },
  'a port published at loopback': {
    causes: ['published-elsewhere'],
    hostAddress: 'loopback',
    set: (w) => published(w, w.names.lan),
  },
  'another port than the published one': {
    causes: ['published-elsewhere'],
    set: (w) => {
      published(w, HOST);
      w.asked = { ...w.asked, port: 80, meant: undefined };
    },
  },
  'rules that masquerade gone': {
    causes: ['masquerade-missing'],
    set: (w) => {
      nft(HOST, ['flush chain inet pontoon postrouting']);
      batch(w.names.lan, [`route del ${w.family === 4 ? '0.0.0.0/0' : '::/0'}`]);
      ask(w, w.names.web, UPLINK[w.family].lan, w.names.lan);
    },
  },
  'the host does not forward': {
    causes: ['forwarding-off'],
    set: (w) => {
      run(HOST, 'sysctl', '-qw', w.family === 4 ? 'net.ipv4.ip_forward=0' : 'net.ipv6.conf.all.forwarding=0');
      ask(w, w.names.web, UPLINK[w.family].lan, w.names.lan);
    },
  },
  'a foreign rule': {
    causes: ['rule-drop'],
    set: (w) => {
      nft(HOST, [
        'add table inet fence',
        'add chain inet fence passing { type filter hook forward priority -20; policy drop; }',
      ]);
      published(w, w.names.lan);
    },
  },
  'nobody listens': {
    causes: ['no-listener'],
    set: (w) => {
      w.listener = undefined;
      published(w, w.names.lan);
    },
  },
};

/** Like runTrial, in the namespace that this process is in: nothing else is to be there. */
export async function runEngineTrial(seed: number, random: Random): Promise<Trial> {
  const [way, scene] = random.pick(Object.entries(SCENES));
  const tag = `e${(seed % 10_000).toString(36)}`;
  const names = { web: `${tag}web`, db: `${tag}db`, app: `${tag}app`, lan: `${tag}lan` };
  const root = mkdtempSync(join(tmpdir(), 'truth-'));
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => rmSync(root, { recursive: true }));
  for (const name of Object.values(names)) {
    makeNamespace(name);
    cleanup.defer(() => void run(HOST, 'ip', 'netns', 'del', name));
  }
  joinLan(names.lan);
  cleanup.defer(() => removeLan());

  const engine = await openEngine({ dataRoot: join(root, 'data'), runRoot: join(root, 'run'), defaultNetwork: false });
  cleanup.defer(async () => {
    for (const { id } of engine.listSandboxes()) await engine.removeSandbox(id);
    for (const { name, predefined } of engine.listNetworks()) if (!predefined) await engine.removeNetwork(name);
    await engine[Symbol.asyncDispose]();
  });
  const family = random.pick([4, 4, 6] as const);
  const listener = {
    namespace: names.web,
    protocol: 'tcp' as const,
    address: family === 4 ? '0.0.0.0' : '::',
    port: 80,
  };
  const w: World = {
    engine,
    random,
    family,
    names,
    listener,
    asked: { from: HOST, to: '', meant: undefined, protocol: 'icmp', lengthBytes: 84 },
  };
  await build(w, scene);
  scene.set(w);
  if (w.listener !== undefined && w.asked.meant !== undefined && w.asked.meant !== names.lan)
    w.listener = { ...w.listener, namespace: w.asked.meant };
  await using _listener = await startListener(w);
  const snapshot = await takeSnapshot({ containers: false, owners: false, runRoot: join(root, 'run') });
  const explanation = explainAsked(withContainers(snapshot, engine), w.asked);
  const reachable = await probe(w.asked);
  const faults = scene.causes.length === 0 ? [] : [way];
  const disagreement =
    compare(explanation, reachable, faults.length === 0 ? undefined : { name: way, causes: scene.causes }) ??
    (reachable === scene.causes.length > 0 ? `the kernel ${reachable ? 'lets it through' : 'stops it'}` : undefined);
  return { seed, way: `engine: ${way}`, faults, asked: w.asked, reachable, explanation, disagreement };
}

async function build({ engine, names }: World, { front, back, hostAddress }: Scene): Promise<void> {
  await engine.createNetwork({ name: 'front', ipv6: true, ...front });
  await engine.createNetwork({ name: 'back', ipv6: true, ...back });
  const addresses = hostAddress === 'loopback' ? ['127.0.0.1', '::1'] : [undefined];
  const ports = addresses.map((address) => ({
    port: 80,
    hostPort: PUBLISHED,
    ...(address === undefined ? {} : { hostAddress: address }),
  }));
  for (const [key, network] of [
    ['web', 'front'],
    ['db', 'front'],
    ['app', 'back'],
  ] as const) {
    const name = names[key];
    await engine.createSandbox({
      name,
      namespace: { path: `/run/netns/${name}` },
      endpoints: [{ network, ...(key === 'web' ? { ports } : {}) }],
    });
    // Without it an address is tentative for a second or two.
    run(name, 'sysctl', '-qw', 'net.ipv6.conf.all.accept_dad=0');
  }
  await engine.settled();
}

/** The neighbour beyond the uplink takes the host for its router. */
function joinLan(lan: string): void {
  batch(HOST, [
    'link set lo up',
    `link add up0 type veth peer name eth0 netns ${lan}`,
    'link set up0 up',
    `addr add ${UPLINK[4].host}/24 dev up0`,
    `addr add ${UPLINK[6].host}/64 dev up0 nodad`,
    `route add default via ${UPLINK[4].lan}`,
    `route add ::/0 via ${UPLINK[6].lan}`,
  ]);
  batch(lan, [
    'link set eth0 up',
    `addr add ${UPLINK[4].lan}/24 dev eth0`,
    `addr add ${UPLINK[6].lan}/64 dev eth0 nodad`,
    `route add default via ${UPLINK[4].host}`,
    `route add ::/0 via ${UPLINK[6].host}`,
  ]);
}

function removeLan(): void {
  batch(HOST, ['link del up0']);
  run(HOST, 'nft', 'flush', 'ruleset');
}

/** What a daemon would tell of its containers, told by the engine. */
function withContainers(snapshot: Snapshot, engine: Engine): Snapshot {
  return {
    ...snapshot,
    networks: engine.listNetworks().map(networkOf),
    containers: engine.listSandboxes().map((sandbox) => containerOf(snapshot, sandbox)),
  };
}

function networkOf({ id, name, driver, subnets, bridgeName, internal, icc, masquerade }: Network): ContainerNetwork {
  return {
    engine: 'pontoon',
    id,
    name,
    driver,
    subnets: subnets.map(({ subnet, gateway }) => ({ subnet, ...(gateway === undefined ? {} : { gateway }) })),
    ...(bridgeName === undefined ? {} : { bridge: bridgeName }),
    internal,
    interContainer: icc,
    masquerade,
    options: {},
  };
}

function containerOf({ namespaces }: Snapshot, { id, name, endpoints }: Sandbox): Container {
  const namespace = namespaces.find(({ names }) => names.some((one) => one.name === name))?.id;
  return {
    engine: 'pontoon',
    id,
    name,
    state: 'running',
    ...(namespace === undefined ? {} : { namespace }),
    labels: {},
    networkMode: endpoints[0]?.networkName ?? 'none',
    networks: endpoints.map(({ networkName, networkId, ipv4, ipv6, aliases }) => ({
      network: networkName,
      networkId,
      addresses: [ipv4, ipv6].filter((one) => one !== undefined),
      gateways: [],
      aliases,
    })),
    ports: endpoints.flatMap(({ ports }) =>
      ports.map(({ protocol, port, hostPort, hostAddress }) => ({
        protocol,
        hostAddress: hostAddress ?? '0.0.0.0',
        hostPort: hostPort[0],
        containerPort: port[0],
      })),
    ),
  };
}
