/**
 * @module Kill tests: the process that has the containers open dies (SIGKILL) before every step of each operation, and
 * at any time of a storm of them. The next opening finds all: nothing is left of what is not there, nothing is lost of
 * what is, and everything can be started and removed.
 *
 * The seed is printed; PONTOON_SEED=N repeats it (the moments of death are not repeated).
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { KILL_OPERATIONS, KILL_ROOTS } from '../support/container-kill-operations.ts';
import { assertNothingLeft, openContainerLab, readAll } from '../support/container-lab.ts';
import { Victim } from '../support/kill-lab.ts';
import { randomFrom } from '../support/kill-model.ts';

const ROUNDS = 25;
const LONGEST_MS = 500;
const seed = Number(process.env.PONTOON_SEED ?? Math.floor(Math.random() * 2 ** 31));
const random = randomFrom(seed);

const lab = await openContainerLab(KILL_ROOTS);

function statusOf(name: string): string | undefined {
  return lab.containers.list().find((container) => container.name === name)?.state.status;
}

/** All that there are have what they should have, and can be started and spoken to. */
async function assertAllWell(context: string): Promise<void> {
  await lab.engine.settled();
  assert.deepEqual(lab.failures, [], context);
  assertNothingLeft(lab, context);
  for (const { id, state, path } of lab.containers.list()) {
    if (path === 'true') continue; // it has nothing to stay for
    if (state.status !== 'running') await lab.containers.start(id);
    const exec = await lab.containers.createExec(id, { command: ['hostname'], stdout: true });
    const streams = await lab.containers.startExec(exec.id);
    assert.equal(await readAll(streams!.stdout), `${id.slice(0, 12)}\n`, context);
  }
}

async function removeAll(context: string): Promise<void> {
  for (const { id } of lab.containers.list()) await lab.containers.remove(id, { force: true, volumes: true });
  assertNothingLeft(lab, context);
  assert.deepEqual(lab.volumes.list(), [], context);
}

for (const { name, prepare, outcomes } of KILL_OPERATIONS) {
  test(`killed at every step of: ${name}`, async (t) => {
    for (let at = 1; ; at++) {
      using victim = new Victim('container-kill-child.ts', [String(at), name]);
      await prepare(lab);
      await lab.close();
      const { died } = await victim.die();
      await lab.open();
      const context = `${name}, step ${at}: ${died ?? 'returned'}`;
      const status = statusOf('target') ?? statusOf('other');
      assert.ok(outcomes.includes(status), `${context}: ${status}`);
      await assertAllWell(context);
      await removeAll(context);
      if (died === undefined) return t.diagnostic(`${at - 1} deaths`);
    }
  });
}

test(`killed ${ROUNDS} times in a storm, seed ${seed}`, async (t) => {
  let changes = 0;
  for (let round = 0; round < ROUNDS; round++) {
    using victim = new Victim('container-kill-worker.ts', [String(seed + round)]);
    await lab.close();
    await victim.die(async () => {
      while (victim.lines.length === 0 && !victim.ended) await sleep(1);
      await sleep(random() * LONGEST_MS);
    });
    await lab.open();
    const context = `seed ${seed}, round ${round}: ${victim.lines.slice(-12).join('; ')}`;
    for (const [name, expected] of expectations(victim.lines))
      assert.ok(expected.includes(statusOf(name)), `${context}: ${name} is ${statusOf(name)}`);
    changes += victim.lines.filter((line) => line.startsWith('done')).length;
    await assertAllWell(context);
  }
  await removeAll(`seed ${seed}`);
  t.diagnostic(`${changes} changes`);
});

/** What the last word on a container allows it to be. */
function expectations(lines: readonly string[]): Map<string, readonly (string | undefined)[]> {
  const after: Record<string, readonly (string | undefined)[]> = {
    'done create': ['created'],
    'done start': ['running'],
    'done stop': ['exited'],
    'done exec': ['running'],
    'done remove': [undefined],
    'begun create': [undefined, 'created'],
    'begun start': ['created', 'running', 'exited'],
    'begun stop': ['running', 'exited'],
    'begun exec': ['running'],
    'begun remove': ['created', 'running', 'exited', undefined],
  };
  return new Map(
    lines.map((line) => {
      const [when, verb, name = ''] = line.split(' ');
      return [name, after[`${when} ${verb}`] ?? []] as const;
    }),
  );
}
