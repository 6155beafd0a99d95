/**
 * @module observe: what looking costs, and whether explain tells the truth. No peer does any of it.
 */

import { execFile } from 'node:child_process';
import type { Engine } from '../../src/index.ts';
import { runTrial } from '../../test/support/truth/trial.ts';
import type { Row, Section } from '../lib/report.ts';
import { median } from '../lib/stats.ts';
import { benchEngine } from '../pontoon.ts';

const NAMESPACES = 1000;
const CONTAINERS = 500;
const TRIALS = { short: 60, full: 500 };

export const observe: Section = {
  name: 'observe',
  about: 'snapshot, explain and trace on a host with many namespaces',
  async run({ rounds }) {
    const rows: Row[] = [];
    await using engine = await benchEngine();
    await engine.createNetwork({ name: 'many', subnets: [{ subnet: '10.88.0.0/20' }] });
    for (let n = 0; n < NAMESPACES; n += 1) {
      await engine.createSandbox({ name: `many-${n}`, endpoints: [{ network: 'many' }] });
      if (n === CONTAINERS - 1) rows.push(...(await looks(engine, rounds)));
    }
    await engine.settled();
    const snapshotMs = await times(rounds, () => command('snapshot', '-o', '/dev/null'));
    rows.push({
      what: `snapshot of ${NAMESPACES} namespaces`,
      unit: 'ms',
      better: 'lower',
      pontoon: snapshotMs,
      goal: { atMost: 2000 },
    });
    for (const { id } of engine.listSandboxes()) await engine.removeSandbox(id);
    return rows;
  },
};

/** Explains and traces between the first two of many containers. */
async function looks(engine: Engine, rounds: number): Promise<Row[]> {
  const [from, to] = ['many-0', 'many-1'].map((name) => `netns:${engine.inspectSandbox(name).namespacePath}`) as [
    string,
    string,
  ];
  const explainMs = await times(rounds, () => command('explain', from, to));
  const traceMs = await times(rounds, () => command('trace', from, to));
  const where = `with ${CONTAINERS} containers`;
  return [
    {
      what: `explain, snapshot and start included, ${where}`,
      unit: 'ms',
      better: 'lower',
      pontoon: explainMs,
      goal: { atMost: 1000 },
    },
    {
      what: `trace of a ping, snapshot and start included, ${where}`,
      unit: 'ms',
      better: 'lower',
      pontoon: traceMs,
      goal: { atMost: 1000 },
    },
  ];
}

export const truth: Section = {
  name: 'truth',
  about: 'explain beside real probes, in random networks that are broken at random',
  async run({ full }) {
    const first = Math.floor(Math.random() * 1e9);
    const count = full ? TRIALS.full : TRIALS.short;
    let wrong = 0;
    for (let seed = first; seed < first + count; seed += 1) {
      const { disagreement, faults } = await runTrial(seed);
      if (disagreement === undefined) continue;
      wrong += 1;
      console.log(`seed ${seed}: ${disagreement} (done: ${faults.join(' and ') || 'nothing'})`);
    }
    return [
      {
        what: `disagreements in ${count} networks, seed ${first}`,
        unit: '',
        better: 'lower',
        pontoon: wrong,
        goal: { atMost: 0 },
      },
    ];
  },
};

/** Runs the command as a user does: an engine in this process has more descriptors open than a command ever has. */
function command(...words: string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile('bin/pontoon', words, (error, _output, complaint) =>
      error === null ? resolve() : reject(new Error(complaint, { cause: error })),
    );
  });
}

/** The median of a few runs, in milliseconds. */
async function times(rounds: number, work: () => Promise<unknown>): Promise<number> {
  const all: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const begun = performance.now();
    await work();
    all.push(performance.now() - begun);
  }
  return median(all);
}
