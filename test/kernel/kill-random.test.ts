/**
 * @module Kill tests: the engine's process dies (SIGKILL) at any time while it changes things at random.
 *
 * A model says what there must be: all changes that had returned, and of those under way the first few or none, as they
 * happen one after the other. The seed is printed; PONTOON_SEED=N repeats it (the moments of death are not repeated).
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { present } from '../support/kill-inventory.ts';
import { assertWell, openKillLab, Victim } from '../support/kill-lab.ts';
import { apply, type Change, MODEL_PORTS, type Model, modelOf, randomFrom } from '../support/kill-model.ts';
import { removeAll } from '../support/kill-operations.ts';

const ROUNDS = 50;
const seed = Number(process.env.PONTOON_SEED ?? Math.floor(Math.random() * 2 ** 31));
const random = randomFrom(seed);
const [first, last] = MODEL_PORTS;
const ports = { tcp: Array.from({ length: last - first + 1 }, (_, offset) => first + offset), udp: [] };

const lab = await openKillLab();
const empty = await present(lab);

test(`killed ${ROUNDS} times at any time, seed ${seed}`, async (t) => {
  let next = new Victim('kill-worker.ts', [String(seed)]);
  t.after(() => next[Symbol.dispose]());
  let changes = 0;
  for (let round = 0; round < ROUNDS; round++) {
    using victim = next;
    next = new Victim('kill-worker.ts', [String(seed + round + 1)]);
    const before = modelOf(lab.engine);
    await lab.engine.close();
    const wanted = Math.floor(random() * 12);
    const delayMs = random() * 15;
    await victim.die(async () => {
      while (countOf(victim, 'returned') < wanted && !victim.ended) await sleep(1);
      await sleep(delayMs);
    });
    await lab.reopen();
    const context = `seed ${seed}, round ${round}: ${victim.lines.slice(-6).join('; ')}`;
    const possible = modelsAfter(before, victim.lines);
    const now = modelOf(lab.engine);
    if (!possible.some((model) => isDeepStrictEqual(sorted(now), sorted(model)))) {
      assert.deepEqual(sorted(now), sorted(possible[0]!), context);
    }
    changes += countOf(victim, 'returned');
    await assertWell(lab, context, ports);
  }
  t.diagnostic(`${changes} changes returned`);
});

test('when all is removed, nothing is left', async () => {
  await removeAll(lab.engine);
  assert.deepEqual(await present(lab), empty);
});

function countOf({ lines }: Victim, word: string): number {
  return lines.filter((line) => line.startsWith(`${word} `)).length;
}

/** What there may be when a worker with this output has died, the least that must be there first. */
function modelsAfter(before: Model, lines: readonly string[]): Model[] {
  const begun = lines.filter((line) => line.startsWith('begun ')).map(parseBegun);
  const returned = lines.filter((line) => line.startsWith('returned ')).length;
  const models = [before];
  for (const change of begun) models.push(apply(models.at(-1)!, change));
  return models.slice(returned);
}

function parseBegun(line: string): Change {
  return JSON.parse(line.replace(/^begun \d+ /, '')) as Change;
}

/** The order in which things were made does not matter. */
function sorted(model: Model): unknown {
  return JSON.parse(JSON.stringify(model), (_key, value: unknown) => {
    if (Array.isArray(value)) return value.map((one) => JSON.stringify(one)).sort();
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
