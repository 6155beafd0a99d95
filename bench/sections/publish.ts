/**
 * @module publish: a thousand ports as one range, and what a new connection costs when there are many.
 *
 * Docker takes minutes for these: its side is measured with --full, and once.
 */

import { connectRate } from '../dataplane/tools.ts';
import { isolated } from '../lib/isolated.ts';
import { lanNeighbour } from '../lib/lan.ts';
import type { Row, Section } from '../lib/report.ts';
import { settle } from '../lib/settle.ts';
import { interleaved, median } from '../lib/stats.ts';
import * as docker from '../peers/docker.ts';
import { Dockerd } from '../peers/dockerd.ts';
import { benchEngine, place } from '../pontoon.ts';

const PONTOON = new URL('../pontoon.ts', import.meta.url).href;
const RANGE = 1000;
const MANY = 5000;
const FIRST = 10_000;

export const publish: Section = {
  name: 'publish',
  about: 'a range of 1,000 ports',
  async run({ rounds, full }) {
    const mine: docker.PublishCost[] = [];
    const renumbered: docker.PublishCost[] = [];
    for (let round = 0; round < rounds; round++) {
      mine.push(await isolated(PONTOON, 'publishCost', { count: RANGE }));
      await settle();
      renumbered.push(await isolated(PONTOON, 'publishCost', { count: RANGE, renumbered: true }));
      await settle();
    }
    const theirs = full ? await dockerCost() : undefined;
    const row = (what: string, key: keyof docker.PublishCost, unit: Row['unit'], atMost: number): Row => ({
      what,
      unit,
      better: 'lower',
      pontoon: median(mine.map((cost) => cost[key])),
      ...(theirs && { peer: { name: 'dockerd', value: theirs[key] } }),
      goal: { atMost },
    });
    return [
      row('publish 1,000 ports', 'publishMs', 'ms', 5),
      row('unpublish 1,000 ports', 'unpublishMs', 'ms', 5),
      row('processes for them', 'processes', '', 0),
      row('memory for them', 'memoryMB', 'MB', 1),
      {
        what: 'publish 1,000 ports under other numbers',
        unit: 'ms',
        better: 'lower',
        pontoon: median(renumbered.map(({ publishMs }) => publishMs)),
      },
    ];
  },
};

async function dockerCost(): Promise<docker.PublishCost> {
  await using daemon = await Dockerd.start('docker-publish');
  return await docker.publishCost(daemon, RANGE); // awaited here, before the daemon ends
}

/** With one port, and with many: the rates of the same path. */
type Rates = readonly [one: number, many: number];

/** The ports that are measured among many: a few, evenly spread, as the place in a list of rules makes a difference. */
const SPREAD = Array.from({ length: 20 }, (_, index) => FIRST + (index * MANY) / 20);

async function ofPontoon(rounds: number): Promise<Rates> {
  await using engine = await benchEngine();
  const sandbox = place(await engine.createSandbox({ name: 'connections', endpoints: [{ network: 'bridge' }] }));
  const lan = await lanNeighbour('/proc/self/ns/net', 'lan');
  const ends = { server: sandbox.namespace, client: lan.namespace, address: lan.hostAddress };
  const publish = (hostPort: number) => engine.publish('connections', { port: 80, hostPort });
  await publish(FIRST);
  const one: number[] = [];
  const many: number[] = [];
  for (let round = 0; round < rounds; round++) {
    one.push(await connectRate(ends, 80, [FIRST]));
    // Each of the others on its own: thousands of elements, and not one range.
    for (let hostPort = FIRST + 1; hostPort < FIRST + MANY; hostPort++) await publish(hostPort);
    many.push(await connectRate(ends, 80, SPREAD));
    for (let hostPort = FIRST + 1; hostPort < FIRST + MANY; hostPort++) {
      await engine.unpublish('connections', { hostPort });
    }
  }
  await engine.removeSandbox('connections');
  return [median(one), median(many)];
}

/** Two daemons. Without the proxies (10,000 processes for 5,000 ports): what is compared is the rules. */
async function ofDocker(rounds: number): Promise<Rates> {
  const host = async (name: string, count: number, measured: readonly number[]) => {
    const daemon = await Dockerd.start(name, '--userland-proxy=false');
    const hostPorts = Array.from({ length: count }, (_, index) => FIRST + index);
    const container = await daemon.runContainer({ name: 'connections', hostPorts });
    const lan = await lanNeighbour(daemon.namespace, `${name}-lan`);
    const ends = { server: container.namespace, client: lan.namespace, address: lan.hostAddress };
    return { daemon, rate: () => connectRate(ends, 80, measured) };
  };
  const few = await host('docker-one', 1, [FIRST]);
  const lots = await host('docker-many', MANY, SPREAD);
  await using _few = few.daemon;
  await using _lots = lots.daemon;
  const [one, many] = await interleaved(rounds, [few.rate, lots.rate]);
  return [one!, many!];
}

export const connections: Section = {
  name: 'connections',
  about: 'new TCP connections to a published port, from the LAN',
  async run({ rounds, full }) {
    const [one, many] = await ofPontoon(Math.max(5, rounds));
    const theirs = full ? await ofDocker(Math.max(5, rounds)) : undefined;
    const row = (what: string, pontoon: number, value: number | undefined): Row => ({
      what,
      unit: '/s',
      better: 'higher',
      pontoon,
      ...(value !== undefined && { peer: { name: 'dockerd', value } }),
    });
    return [
      row('connections, 1 published port', one, theirs?.[0]),
      row('connections, 5,000 published ports', many, theirs?.[1]),
      {
        what: 'connection cost at 5,000 ports, of that at 1',
        unit: '×',
        better: 'lower',
        pontoon: one / many,
        ...(theirs && { peer: { name: 'dockerd', value: theirs[0] / theirs[1] } }),
        goal: { atMost: 1.05 },
      },
    ];
  },
};
