/**
 * @module explain tells the truth: random networks, broken at random, and what explain says beside what probes do.
 *
 * PONTOON_SEED=N begins at another seed, PONTOON_CASES=N makes more of them. `make bench ARGS=truth` takes 500 new ones.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runTrial } from '../support/truth/trial.ts';

const first = Number(process.env.PONTOON_SEED ?? 1_000);
const count = Number(process.env.PONTOON_CASES ?? 60);

test(`explain agrees with probes in ${count} networks, seed ${first}`, async (t) => {
  const disagreements: string[] = [];
  for (let seed = first; seed < first + count; seed += 1) {
    const { disagreement, way, faults, asked } = await runTrial(seed);
    if (disagreement !== undefined)
      disagreements.push(
        `seed ${seed}: ${disagreement}; way: ${way}; done: ${faults.join(' and ') || 'nothing'}; asked: ${JSON.stringify(asked)}`,
      );
  }
  t.diagnostic(`agreement: ${count - disagreements.length} of ${count}`);
  assert.deepEqual(disagreements, []);
});
