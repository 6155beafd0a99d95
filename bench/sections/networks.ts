/**
 * @module networks: creating and removing a network; with --full also beside 200 others.
 */

import { isolated } from '../lib/isolated.ts';
import type { Row, Section } from '../lib/report.ts';
import { settle } from '../lib/settle.ts';
import { median } from '../lib/stats.ts';
import * as docker from '../peers/docker.ts';
import { Dockerd } from '../peers/dockerd.ts';

const PONTOON = new URL('../pontoon.ts', import.meta.url).href;
/** Docker's default pools hold 31 networks: small blocks, as Pontoon has by default. */
const POOLS = '--default-address-pool=base=10.200.0.0/16,size=24';

async function compare(daemon: Dockerd, rounds: number, others: number, beside: string): Promise<Row[]> {
  const mine: docker.NetworkTimes[] = [];
  const theirs: docker.NetworkTimes[] = [];
  for (let round = 0; round < rounds; round++) {
    mine.push(await isolated(PONTOON, 'networkTimes', { count: 10, others }));
    await settle();
    theirs.push(await docker.networkTimes(daemon, 5, others));
    await settle();
  }
  const row = (what: string, times: (of: docker.NetworkTimes) => readonly number[]): Row => ({
    what: `${what}${beside}`,
    unit: 'ms',
    better: 'lower',
    pontoon: median(mine.flatMap(times)),
    peer: { name: 'dockerd', value: median(theirs.flatMap(times)) },
    goal: { atMost: 3 },
  });
  return [row('network create', (times) => times.createMs), row('network remove', (times) => times.removeMs)];
}

export const networks: Section = {
  name: 'networks',
  about: 'network create and remove',
  async run({ rounds, full }) {
    await using daemon = await Dockerd.start('docker-networks', POOLS);
    const rows = await compare(daemon, rounds, 0, '');
    if (full) rows.push(...(await compare(daemon, 1, 200, ', 200 others')));
    return rows;
  },
};
