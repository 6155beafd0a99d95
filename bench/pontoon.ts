/**
 * @module Pontoon's own side of the measurements. The functions that take one argument run isolated, in a host of their own.
 *
 * The engine runs inside the process that measures, as a library. It is warmed up first (the peers' daemons are compiled
 * programs; an engine that has run for a minute is compiled too); the first attach of all is measured apart.
 */

import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { type Engine, openEngine, type Sandbox } from '../src/index.ts';
import type { AttachTimes } from './floor/floor.ts';
import { offer } from './lib/isolated.ts';
import { processes } from './lib/processes.ts';
import { settle } from './lib/settle.ts';
import { timeMs } from './lib/stats.ts';
import { WORK } from './lib/world.ts';
import type { NetworkTimes, PublishCost } from './peers/docker.ts';

/** Host ports of the measured sandboxes, and those of the warm-up. */
const PORTS = 20_000;
const WARM_UP = 200;

/**
 * An engine with its state in memory, or below `store`. Every engine of one process has the same state: that process has
 * one host.
 */
export async function benchEngine(store = WORK): Promise<Engine> {
  const root = join(store, `pontoon-bench-${process.pid}`);
  return openEngine({ dataRoot: join(root, 'data'), runRoot: join(root, 'run') });
}

function attachOne(engine: Engine, network: string, number: number): Promise<Sandbox> {
  const ports = [{ port: 80, hostPort: PORTS + number }];
  return engine.createSandbox({ name: `bench${number}`, endpoints: [{ network, ports }] });
}

/** Attaches and removes sandboxes until the engine's code is compiled. */
async function warmUp(engine: Engine): Promise<void> {
  await engine.createNetwork({ name: 'warm-up' });
  for (let number = 0; number < WARM_UP; number++) {
    await attachOne(engine, 'warm-up', number);
    await engine.removeSandbox(`bench${number}`);
  }
  await engine.removeNetwork('warm-up');
  await engine.settled();
  await settle();
}

/** `count` attaches to one new network, then as many removals; `store` is where the engine keeps its state. */
export async function attachTimes(argument: {
  count: number;
  store?: string;
}): Promise<AttachTimes & { readonly firstMs: number }> {
  await using engine = await benchEngine(argument.store);
  await engine.createNetwork({ name: 'bench', subnets: [{ subnet: '10.92.0.0/16' }] });
  const firstMs = await timeMs(() => attachOne(engine, 'bench', argument.count));
  await engine.removeSandbox(`bench${argument.count}`);
  await warmUp(engine);
  const attachMs: number[] = [];
  const detachMs: number[] = [];
  for (let number = 0; number < argument.count; number++) {
    attachMs.push(await timeMs(() => attachOne(engine, 'bench', number)));
  }
  for (let number = argument.count - 1; number >= 0; number--) {
    detachMs.push(await timeMs(() => engine.removeSandbox(`bench${number}`)));
  }
  return { attachMs, detachMs, firstMs };
}

/** The longest time for which the event loop stood still while `count` sandboxes were asked for at once. */
export async function longestStall(argument: { count: number }): Promise<{ stallMs: number; totalMs: number }> {
  await using engine = await benchEngine();
  await engine.createNetwork({ name: 'bench', subnets: [{ subnet: '10.92.0.0/16' }] });
  await warmUp(engine);
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const totalMs = await timeMs(() =>
    Promise.all(Array.from({ length: argument.count }, (_, number) => attachOne(engine, 'bench', number))),
  );
  delay.disable();
  for (const { id } of engine.listSandboxes()) await engine.removeSandbox(id);
  return { stallMs: delay.max / 1e6, totalMs };
}

/** Creates and removes a network `count` times, beside `others` that are there already. */
export async function networkTimes(argument: { count: number; others: number }): Promise<NetworkTimes> {
  await using engine = await benchEngine();
  await warmUp(engine);
  for (let number = 0; number < argument.others; number++) await engine.createNetwork({ name: `other${number}` });
  const createMs: number[] = [];
  const removeMs: number[] = [];
  for (let number = 0; number < argument.count; number++) {
    createMs.push(await timeMs(() => engine.createNetwork({ name: 'timed' })));
    removeMs.push(await timeMs(() => engine.removeNetwork('timed')));
    await engine.settled();
  }
  await engine.pruneNetworks();
  return { createMs, removeMs };
}

/**
 * `count` ports of a running sandbox, published as one range, under their own numbers or from port 1 on; processes and
 * memory are what that adds when all of them are held.
 */
export async function publishCost(argument: { count: number; renumbered?: boolean }): Promise<PublishCost> {
  await using engine = await benchEngine();
  await warmUp(engine);
  await engine.createSandbox({ name: 'bench', endpoints: [{ network: 'bridge' }] });
  const last = argument.count - 1;
  const first = argument.renumbered ? 1 : PORTS;
  const range = { port: [first, first + last], hostPort: [PORTS, PORTS + last] } as const;
  // Once before the clock starts, as for everything here, so that what stays is not counted as the range's.
  await engine.publish('bench', range);
  await engine.settled();
  await engine.unpublish('bench', { hostPort: PORTS });
  const before = { memoryMB: residentMB(), processes: processes().length };
  const publishMs = await timeMs(() => engine.publish('bench', range));
  await engine.settled();
  const added = { memoryMB: residentMB() - before.memoryMB, processes: processes().length - before.processes };
  const unpublishMs = await timeMs(() => engine.unpublish('bench', { hostPort: PORTS }));
  await engine.removeSandbox('bench');
  return { publishMs, unpublishMs, ...added };
}

function residentMB(): number {
  return process.memoryUsage.rss() / 1e6;
}

/** Two sandboxes on one network, as server and client. */
export async function pair(engine: Engine, name: string, network = 'bridge'): Promise<[Sandbox, Sandbox]> {
  const start = (suffix: string): Promise<Sandbox> =>
    engine.createSandbox({ name: `${name}-${suffix}`, endpoints: [{ network }] });
  return [await start('server'), await start('client')];
}

/** The path of a running sandbox's namespace, and its IPv4 address. */
export function place(sandbox: Sandbox): { namespace: string; address: string } {
  const address = sandbox.endpoints[0]?.ipv4?.split('/')[0];
  if (sandbox.namespacePath === undefined || address === undefined) {
    throw new Error(`sandbox ${sandbox.name} is not running, or has no IPv4 address`);
  }
  return { namespace: sandbox.namespacePath, address };
}

await offer(import.meta, { attachTimes, longestStall, networkTimes, publishCost });
