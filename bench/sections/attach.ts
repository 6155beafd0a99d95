/**
 * @module attach: what it costs to give a container its place in a network, on an empty bridge and at 900 endpoints.
 */

import { type AttachTimes, floorTimes } from '../floor/floor.ts';
import { isolated } from '../lib/isolated.ts';
import type { Options, Row, Section } from '../lib/report.ts';
import { settle } from '../lib/settle.ts';
import { median, medianOf } from '../lib/stats.ts';
import { diskDirectory } from '../lib/world.ts';
import * as docker from '../peers/docker.ts';
import { Dockerd } from '../peers/dockerd.ts';

const CNI = new URL('../peers/cni.ts', import.meta.url).href;
const NETAVARK = new URL('../peers/netavark.ts', import.meta.url).href;
const PONTOON = new URL('../pontoon.ts', import.meta.url).href;

/** On an empty bridge: the first few of each round. */
const FEW = 15;
/** At 900 endpoints: the last twenty of each round. */
const MANY = 910;

/** The times of all rounds, one list. */
interface Pool {
  readonly attachMs: number[];
  readonly detachMs: number[];
}

const pool = (): Pool => ({ attachMs: [], detachMs: [] });

function add(to: Pool, times: AttachTimes): void {
  to.attachMs.push(...times.attachMs);
  to.detachMs.push(...times.detachMs);
}

async function onEmptyBridge({ rounds }: Options): Promise<Row[]> {
  const all = { pontoon: pool(), disk: pool(), floor: pool(), dockerd: pool(), netavark: pool(), cni: pool() };
  const first: number[] = [];
  await using daemon = await Dockerd.start('docker-attach');
  for (let round = 0; round < rounds; round++) {
    add(all.floor, await floorTimes(FEW));
    await settle();
    const times = await isolated<AttachTimes & { firstMs: number }>(PONTOON, 'attachTimes', { count: FEW });
    add(all.pontoon, times);
    first.push(times.firstMs);
    await settle();
    add(all.disk, await isolated(PONTOON, 'attachTimes', { count: FEW, store: diskDirectory() }));
    await settle();
    add(all.dockerd, await docker.attachTimes(daemon, 5));
    await settle();
    for (const [peer, url] of [
      ['netavark', NETAVARK],
      ['cni', CNI],
    ] as const) {
      add(all[peer], await isolated(url, 'attachTimes', { count: 5, sample: 5 }));
      await settle();
    }
  }
  const attach = (name: string, peer: Pool, goal: Row['goal'], pontoon = all.pontoon): Row => ({
    what: 'attach, empty bridge',
    unit: 'ms',
    better: 'lower',
    pontoon: median(pontoon.attachMs),
    peer: { name, value: median(peer.attachMs) },
    ...(goal && { goal }),
  });
  const detach = (name: string, peer: Pool): Row => ({
    ...attach(name, peer, undefined),
    what: 'detach',
    pontoon: median(all.pontoon.detachMs),
    peer: { name, value: median(peer.detachMs) },
  });
  return [
    attach('floor in C', all.floor, { timesWorse: 2 }),
    attach('dockerd', all.dockerd, { timesBetter: 15 }),
    attach('netavark', all.netavark, { timesBetter: 15 }),
    attach('CNI', all.cni, { timesBetter: 15 }),
    { ...attach('floor in C', all.floor, undefined, all.disk), what: 'attach, state on disk' },
    { what: 'attach, first of a process', unit: 'ms', better: 'lower', pontoon: median(first) },
    { ...detach('floor in C', all.floor), goal: { atMost: 3 } },
    detach('dockerd', all.dockerd),
    detach('netavark', all.netavark),
    detach('CNI', all.cni),
  ];
}

async function atManyEndpoints({ rounds, full }: Options): Promise<Row[]> {
  const floor: Record<'tenth' | 'late', number[]> = { tenth: [], late: [] };
  const pontoon: typeof floor & { detach: number[] } = { tenth: [], late: [], detach: [] };
  for (let round = 0; round < rounds; round++) {
    for (const [to, times] of [
      [floor, () => floorTimes(MANY)],
      [pontoon, () => isolated<AttachTimes>(PONTOON, 'attachTimes', { count: MANY })],
    ] as const) {
      const { attachMs, detachMs } = await times();
      to.tenth.push(medianOf(attachMs, 5, 15));
      to.late.push(medianOf(attachMs, 891, 910));
      if ('detach' in to) to.detach.push(medianOf(detachMs, 1, 20));
      await settle();
    }
  }
  const late = median(pontoon.late);
  const rows: Row[] = [
    {
      what: 'attach, the 900th',
      unit: 'ms',
      better: 'lower',
      pontoon: late,
      peer: { name: 'floor in C', value: median(floor.late) },
    },
    {
      what: 'attach, growth from the 10th to the 900th',
      unit: '×',
      better: 'lower',
      pontoon: late / median(pontoon.tenth),
      peer: { name: 'floor in C', value: median(floor.late) / median(floor.tenth) },
      goal: { timesWorse: 1.5 },
    },
    {
      what: 'detach at 900 endpoints',
      unit: 'ms',
      better: 'lower',
      pontoon: median(pontoon.detach),
      goal: { atMost: 3 },
    },
  ];
  if (!full) return rows;
  for (const [name, url] of [
    ['netavark', NETAVARK],
    ['CNI', CNI],
  ] as const) {
    const { attachMs } = await isolated<AttachTimes>(url, 'attachTimes', { count: 905, sample: 0 });
    const value = medianOf(attachMs, 896, 905);
    rows.push({
      what: 'attach, the 900th',
      unit: 'ms',
      better: 'lower',
      pontoon: late,
      peer: { name, value },
      goal: { timesBetter: 50 },
    });
    await settle();
  }
  return rows;
}

export const attach: Section = {
  name: 'attach',
  about: 'namespace, veth, bridge port, address, routes, resolver and one published port',
  run: async (options) => [...(await onEmptyBridge(options)), ...(await atManyEndpoints(options))],
};

export const stall: Section = {
  name: 'stall',
  about: 'the longest stop of the event loop while 1,000 sandboxes are attached',
  async run({ rounds }) {
    const stalls: number[] = [];
    const totals: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const { stallMs, totalMs } = await isolated<{ stallMs: number; totalMs: number }>(PONTOON, 'longestStall', {
        count: 1000,
      });
      stalls.push(stallMs);
      totals.push(totalMs);
      await settle();
    }
    return [
      {
        what: 'longest stall of the event loop',
        unit: 'ms',
        better: 'lower',
        pontoon: Math.max(...stalls),
        goal: { atMost: 20 },
      },
      { what: '1,000 attaches asked for at once', unit: 'ms', better: 'lower', pontoon: median(totals) },
    ];
  },
};
