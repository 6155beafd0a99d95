/**
 * @module A model of what the engine should have, and operations at random on it.
 *
 * The model holds names, states and ports, and nothing that the engine draws or chooses. Operations are values: the
 * process that is killed carries them out, the test applies the same ones to the model.
 */

import type { Engine } from '../../src/index.ts';

type PortRange = readonly [first: number, last: number];

export interface Model {
  /** Names, with the networks' drivers. */
  readonly networks: Record<string, string>;
  readonly sandboxes: Record<string, { running: boolean; endpoints: Record<string, PortRange[]> }>;
}

export type Change =
  | { readonly op: 'createNetwork'; readonly network: string; readonly ipv6: boolean; readonly icc: boolean }
  | { readonly op: 'removeNetwork'; readonly network: string }
  | { readonly op: 'createSandbox'; readonly sandbox: string; readonly networks: string[]; readonly ports: PortRange }
  | { readonly op: 'removeSandbox' | 'stop' | 'start'; readonly sandbox: string }
  | { readonly op: 'attach' | 'detach'; readonly sandbox: string; readonly network: string }
  | {
      readonly op: 'publish' | 'unpublish';
      readonly sandbox: string;
      readonly network: string;
      readonly ports: PortRange;
    };

/** All host ports of the model. */
export const MODEL_PORTS: PortRange = [10_000, 10_039];
const NETWORKS = ['red', 'green', 'blue'];
const SANDBOXES = ['a', 'b', 'c', 'd', 'e'];

/** What an engine has, as a model. */
export function modelOf(engine: Engine): Model {
  const networks = engine.listNetworks().filter(({ predefined }) => !predefined);
  return {
    networks: Object.fromEntries(networks.map(({ name, driver }) => [name, driver])),
    sandboxes: Object.fromEntries(
      engine.listSandboxes().map(({ name, running, endpoints }) => {
        const ports = endpoints.map((endpoint) => {
          return [endpoint.networkName, endpoint.ports.map(({ hostPort }) => hostPort)] as const;
        });
        return [name, { running, endpoints: Object.fromEntries(ports) }];
      }),
    ),
  };
}

/** The model after a change. */
export function apply(model: Model, change: Change): Model {
  const next = structuredClone(model);
  const { networks, sandboxes } = next;
  const endpointsOf = (name: string) => sandboxes[name]!.endpoints;
  switch (change.op) {
    case 'createNetwork':
      networks[change.network] = 'bridge';
      break;
    case 'removeNetwork':
      delete networks[change.network];
      break;
    case 'createSandbox': {
      const [first, ...others] = change.networks as [string, ...string[]];
      const endpoints = Object.fromEntries(others.map((network) => [network, [] as PortRange[]]));
      sandboxes[change.sandbox] = { running: true, endpoints: { [first]: [change.ports], ...endpoints } };
      break;
    }
    case 'removeSandbox':
      delete sandboxes[change.sandbox];
      break;
    case 'stop':
    case 'start':
      sandboxes[change.sandbox]!.running = change.op === 'start';
      break;
    case 'attach':
      endpointsOf(change.sandbox)[change.network] = [];
      break;
    case 'detach':
      delete endpointsOf(change.sandbox)[change.network];
      break;
    case 'publish':
      endpointsOf(change.sandbox)[change.network]!.push(change.ports);
      break;
    case 'unpublish': {
      const endpoints = endpointsOf(change.sandbox);
      const [first] = change.ports;
      endpoints[change.network] = endpoints[change.network]!.filter((ports) => ports[0] !== first);
    }
  }
  return next;
}

/** Carries a change out. */
export function carryOut(engine: Engine, change: Change): Promise<unknown> {
  switch (change.op) {
    case 'createNetwork':
      return engine.createNetwork({ name: change.network, ipv6: change.ipv6, icc: change.icc });
    case 'removeNetwork':
      return engine.removeNetwork(change.network);
    case 'createSandbox': {
      const [first, ...others] = change.networks as [string, ...string[]];
      return engine.createSandbox({
        name: change.sandbox,
        endpoints: [{ network: first, ports: [binding(change.ports)] }, ...others.map((network) => ({ network }))],
      });
    }
    case 'removeSandbox':
      return engine.removeSandbox(change.sandbox);
    case 'stop':
      return engine.stopSandbox(change.sandbox);
    case 'start':
      return engine.startSandbox(change.sandbox);
    case 'attach':
      return engine.attach(change.sandbox, change.network);
    case 'detach':
      return engine.detach(change.sandbox, change.network);
    case 'publish':
      return engine.publish(change.sandbox, binding(change.ports), { network: change.network });
    case 'unpublish':
      return engine.unpublish(change.sandbox, { hostPort: change.ports[0] });
  }
}

/** A single port leads to the web server, a range to a range of the same numbers. */
function binding(ports: PortRange) {
  const [first, last] = ports;
  return first === last ? { port: 80, hostPort: first } : { port: ports, hostPort: ports };
}

/** A change that the model allows. */
export function chooseChange(model: Model, random: () => number): Change {
  for (;;) {
    const change = tryChoose(model, random);
    if (change !== undefined) return change;
  }
}

function tryChoose(model: Model, random: () => number): Change | undefined {
  const pick = <T>(list: readonly T[]): T | undefined => list[Math.floor(random() * list.length)];
  const { networks, sandboxes } = model;
  const freeNetwork = pick(NETWORKS.filter((name) => !(name in networks)));
  const usedBy = (network: string) => Object.values(sandboxes).some(({ endpoints }) => network in endpoints);
  const unused = pick(Object.keys(networks).filter((name) => !usedBy(name)));
  const freeSandbox = pick(SANDBOXES.filter((name) => !(name in sandboxes)));
  const sandbox = pick(Object.keys(sandboxes));
  const { running = false, endpoints = {} } = sandboxes[sandbox ?? ''] ?? {};
  const attached = pick(Object.keys(endpoints));
  const detached = pick([...Object.keys(networks), 'bridge'].filter((name) => !(name in endpoints)));
  const published = pick(
    Object.entries(endpoints).flatMap(([network, all]) => all.map((ports) => ({ network, ports }))),
  );
  const ports = choosePorts(model, random);
  switch (Math.floor(random() * 12)) {
    case 0:
      return freeNetwork === undefined
        ? undefined
        : { op: 'createNetwork', network: freeNetwork, ipv6: random() < 0.5, icc: random() < 0.7 };
    case 1:
      return unused === undefined ? undefined : { op: 'removeNetwork', network: unused };
    case 2:
    case 3: {
      const joined = ['bridge', ...Object.keys(networks)].filter(() => random() < 0.6);
      if (freeSandbox === undefined || joined.length === 0) return undefined;
      return { op: 'createSandbox', sandbox: freeSandbox, networks: joined, ports };
    }
    case 4:
      return sandbox === undefined ? undefined : { op: 'removeSandbox', sandbox };
    case 5:
      return sandbox === undefined ? undefined : { op: running ? 'stop' : 'start', sandbox };
    case 6:
    case 7:
      return sandbox === undefined || detached === undefined ? undefined : { op: 'attach', sandbox, network: detached };
    case 8:
      return sandbox === undefined || attached === undefined ? undefined : { op: 'detach', sandbox, network: attached };
    case 9:
    case 10:
      if (sandbox === undefined || attached === undefined) return undefined;
      return { op: 'publish', sandbox, network: attached, ports };
    default:
      return sandbox === undefined || published === undefined ? undefined : { op: 'unpublish', sandbox, ...published };
  }
}

/** One port or a few that no sandbox has, running or not. */
function choosePorts({ sandboxes }: Model, random: () => number): PortRange {
  const taken = Object.values(sandboxes).flatMap(({ endpoints }) => Object.values(endpoints).flat());
  const [low, high] = MODEL_PORTS;
  for (;;) {
    const last = random() < 0.5 ? 0 : Math.floor(random() * 3);
    const first = low + Math.floor(random() * (high - low - 2));
    const ports: PortRange = [first, first + last];
    if (taken.every((other) => other[0] > ports[1] || other[1] < ports[0])) return ports;
  }
}

/** Numbers from 0 to 1, the same ones for the same seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
