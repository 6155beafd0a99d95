/**
 * @module names: queries per second that a sandbox's resolver answers, against Docker's own on a user network.
 */

import { queryRate } from '../dataplane/queries.ts';
import type { Row, Section } from '../lib/report.ts';
import { interleaved } from '../lib/stats.ts';
import * as docker from '../peers/docker.ts';
import { Dockerd } from '../peers/dockerd.ts';
import { benchEngine, pair, place } from '../pontoon.ts';

export const names: Section = {
  name: 'names',
  about: "the resolver at 127.0.0.11: one name of the sandbox's network, type A",
  async run({ rounds }) {
    await using daemon = await Dockerd.start('docker-names');
    await daemon.createNetwork('names');
    const [, theirs] = await docker.pair(daemon, 'names', 'names');
    await using engine = await benchEngine();
    await engine.createNetwork({ name: 'names' });
    const [server, client] = await pair(engine, 'names', 'names');
    const mine = place(client);
    const rows: Row[] = [];
    for (const outstanding of [1, 32]) {
      const [pontoon, value] = await interleaved(Math.max(5, rounds), [
        () => queryRate(mine.namespace, 'names-server', outstanding),
        () => queryRate(theirs.namespace, 'names-server', outstanding),
      ]);
      rows.push({
        what: outstanding === 1 ? 'queries, one at a time' : `queries, ${outstanding} outstanding`,
        unit: '/s',
        better: 'higher',
        pontoon: pontoon!,
        peer: { name: 'dockerd', value: value! },
        goal: { timesBetter: 1.2 },
      });
    }
    for (const sandbox of [server, client]) await engine.removeSandbox(sandbox.id);
    return rows;
  },
};
