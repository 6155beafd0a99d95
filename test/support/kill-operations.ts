/**
 * @module The operations that the kill tests interrupt, and what must be there before each.
 *
 * `prepare` brings the state before from whatever state there is, so that it also undoes the operation. The test and
 * the process that is killed share this file: an operation goes by its name.
 */

import type { Engine, NetworkSpec, SandboxSpec } from '../../src/index.ts';
import { NetworkNamespace } from '../../src/kernel/namespace.ts';

/** Where the engine of these tests keeps its things: in memory, in the world (scripts/in-world). */
export const ROOTS = { dataRoot: '/run/kill/data', runRoot: '/run/kill/run' } as const;

export interface Operation {
  readonly name: string;
  readonly prepare: (engine: Engine) => Promise<void>;
  readonly run: (engine: Engine) => Promise<unknown>;
}

/** Namespaces that are not ours: made before the first operation on one, and there to the end. */
export const FOREIGN = { path: '/run/kill/foreign' } as const;

/** Every host port that an operation publishes or that the state before has. */
export const PORTS = {
  tcp: [8000, 8001, 8002, 8003, 7000, 7001, 7009, 9000, 9499, 9999],
  udp: [5400, 5401, 5402],
} as const;

const dual: NetworkSpec = {
  name: 'dual',
  subnets: [{ subnet: '172.30.0.0/24' }, { subnet: 'fd00:30::/64' }],
  bridgeName: 'br-dual',
};
const apart: NetworkSpec = { name: 'apart', subnets: [{ subnet: '172.31.0.0/24' }], icc: false };
const wire: NetworkSpec = {
  name: 'wire',
  driver: 'macvlan',
  parent: 'eth0',
  subnets: [{ subnet: '10.99.0.0/24', gateway: '10.99.0.254' }],
};
const fresh: NetworkSpec = {
  name: 'fresh',
  subnets: [{ subnet: '172.29.0.0/24' }, { subnet: 'fd00:29::/64' }],
  bridgeName: 'br-fresh',
  labels: { colour: 'blue' },
};
type FullSpec = SandboxSpec & Parameters<Engine['createSandbox']>[0];
const ranges = [
  { port: 80, hostPort: 8001 },
  { port: [7000, 7009], hostPort: [7000, 7009] },
  { port: [5300, 5302], hostPort: [5400, 5402], protocol: 'udp' },
] as const;
/** Two networks, both families, ports of all forms. */
const newcomer: FullSpec = {
  name: 'newcomer',
  endpoints: [
    { network: 'dual', aliases: ['new'], ports: ranges },
    { network: 'apart', ports: [{ port: 80, hostPort: 8002, hostAddress: '192.0.2.2' }] },
  ],
};
const guest: FullSpec = {
  name: 'guest',
  namespace: FOREIGN,
  resolver: true,
  endpoints: [{ network: 'dual', ports: [{ port: 80, hostPort: 8003 }] }, { network: 'wire' }],
};

/** Makes what every operation starts from: networks, and a sandbox that must not suffer. */
export async function prepareBase(engine: Engine): Promise<void> {
  await engine.createNetwork(dual);
  await engine.createNetwork(apart);
  await engine.createNetwork(wire);
  await engine.createSandbox({
    name: 'bystander',
    endpoints: [{ network: 'dual', ports: [{ port: 80, hostPort: 8000 }] }, { network: 'bridge' }],
  });
}

const without = {
  network: async (engine: Engine, name: string) => {
    if (engine.listNetworks().some((network) => network.name === name)) await engine.removeNetwork(name);
  },
  sandbox: async (engine: Engine, name: string) => {
    if (engine.listSandboxes().some((sandbox) => sandbox.name === name)) await engine.removeSandbox(name);
  },
};

/** A sandbox anew each time, so that its addresses are those of the first time if nothing was leaked. */
const withSandbox = (spec: FullSpec) => async (engine: Engine) => {
  await without.sandbox(engine, spec.name);
  await engine.createSandbox(spec);
};

const lone: FullSpec = { name: 'newcomer', endpoints: [{ network: 'dual', ports: ranges }] };
const published: FullSpec = {
  name: 'newcomer',
  endpoints: [{ network: 'dual', ports: [{ port: [9000, 9999], hostPort: [9000, 9999] }, ...ranges] }],
};

export const OPERATIONS: readonly Operation[] = [
  {
    name: 'createNetwork',
    prepare: (engine) => without.network(engine, 'fresh'),
    run: (engine) => engine.createNetwork(fresh),
  },
  {
    name: 'createNetwork (isolated, internal, IPv6 alone)',
    prepare: (engine) => without.network(engine, 'fresh'),
    run: (engine) => engine.createNetwork({ name: 'fresh', ipv4: false, internal: true, icc: false }),
  },
  {
    name: 'removeNetwork',
    prepare: async (engine) => {
      await without.network(engine, 'fresh');
      await engine.createNetwork(fresh);
    },
    run: (engine) => engine.removeNetwork('fresh'),
  },
  {
    name: 'createSandbox',
    prepare: (engine) => without.sandbox(engine, 'newcomer'),
    run: (engine) => engine.createSandbox(newcomer),
  },
  {
    name: 'createSandbox (in a namespace that is there)',
    prepare: (engine) => without.sandbox(engine, 'guest'),
    run: (engine) => engine.createSandbox(guest),
  },
  {
    name: 'createSandbox (without running)',
    prepare: (engine) => without.sandbox(engine, 'newcomer'),
    run: (engine) => engine.createSandbox({ ...newcomer, running: false }),
  },
  {
    name: 'startSandbox (for the first time)',
    prepare: async (engine) => {
      await without.sandbox(engine, 'newcomer');
      await engine.createSandbox({ ...newcomer, running: false });
    },
    run: (engine) => engine.startSandbox('newcomer'),
  },
  {
    name: 'attach',
    prepare: withSandbox(lone),
    run: (engine) => engine.attach('newcomer', 'bridge', { ports: [{ port: 80, hostPort: 8002 }], gatewayPriority: 1 }),
  },
  {
    name: 'attach (isolated)',
    prepare: withSandbox(lone),
    run: (engine) => engine.attach('newcomer', 'apart', { ipv4: '172.31.0.77', interfaceName: 'lan' }),
  },
  {
    name: 'attach (macvlan)',
    prepare: withSandbox(lone),
    run: (engine) => engine.attach('newcomer', 'wire'),
  },
  {
    name: 'detach (macvlan)',
    prepare: withSandbox({ ...lone, endpoints: [...lone.endpoints!, { network: 'wire' }] }),
    run: (engine) => engine.detach('newcomer', 'wire'),
  },
  {
    name: 'detach',
    prepare: withSandbox(newcomer),
    run: (engine) => engine.detach('newcomer', 'dual'),
  },
  {
    name: 'publish',
    prepare: withSandbox(lone),
    run: (engine) => engine.publish('newcomer', { port: [9000, 9999], hostPort: [9000, 9999] }),
  },
  {
    name: 'publish (on one address of the host)',
    prepare: withSandbox(lone),
    run: (engine) => engine.publish('newcomer', { port: 80, hostPort: 8002, hostAddress: '2001:db8:1::2' }),
  },
  {
    name: 'unpublish',
    prepare: withSandbox(published),
    run: (engine) => engine.unpublish('newcomer', { hostPort: 9499 }),
  },
  {
    name: 'stopSandbox',
    prepare: withSandbox(newcomer),
    run: (engine) => engine.stopSandbox('newcomer'),
  },
  {
    name: 'stopSandbox (in a namespace that stays)',
    prepare: withSandbox(guest),
    run: (engine) => engine.stopSandbox('guest'),
  },
  {
    name: 'startSandbox',
    prepare: async (engine) => {
      await withSandbox(newcomer)(engine);
      await engine.stopSandbox('newcomer');
    },
    run: (engine) => engine.startSandbox('newcomer'),
  },
  {
    name: 'removeSandbox',
    prepare: withSandbox(newcomer),
    run: (engine) => engine.removeSandbox('newcomer'),
  },
  {
    name: 'removeSandbox (in a namespace that stays)',
    prepare: withSandbox(guest),
    run: (engine) => engine.removeSandbox('guest'),
  },
  {
    name: 'updateSandbox',
    prepare: async (engine) => {
      await without.sandbox(engine, 'renamed');
      await withSandbox(lone)(engine);
    },
    run: (engine) =>
      engine.updateSandbox('newcomer', { name: 'renamed', hostname: 'host', extraHosts: [['a', '10.0.0.1']] }),
  },
];

/** Removes everything that the state before any operation has. */
export async function removeAll(engine: Engine): Promise<void> {
  for (const { id } of engine.listSandboxes()) await engine.removeSandbox(id);
  await engine.pruneNetworks();
  await engine.settled();
}

/** Makes the namespace that is not ours; it goes with the scope. */
export function makeForeign(): Disposable {
  NetworkNamespace.create(FOREIGN.path)[Symbol.dispose]();
  return { [Symbol.dispose]: () => NetworkNamespace.unpin(FOREIGN.path) };
}
