/**
 * @module Kill tests: the process that has the containers open dies (SIGKILL) at any time of a storm of changes. The
 * next opening finds all, and those who talk to each other notice nothing.
 *
 * The seed is printed; PONTOON_SEED=N repeats it (the moments of death are not repeated).
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertAllWell, openContainerKillLab, removeAll, statusOf } from '../support/container-kill-lab.ts';
import { STEADY, STORM_NETWORK } from '../support/container-kill-operations.ts';
import { Victim } from '../support/kill-lab.ts';
import { randomFrom } from '../support/kill-model.ts';

const ROUNDS = 50;
const LONGEST_MS = 500;
const seed = Number(process.env.PONTOON_SEED ?? Math.floor(Math.random() * 2 ** 31));
const random = randomFrom(seed);

const lab = await openContainerKillLab();

test(`killed ${ROUNDS} times in a storm, seed ${seed}`, async (t) => {
  await lab.engine.createNetwork({ name: STORM_NETWORK });
  const stopPinging = await startPinging();
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
      assert.ok(expected.includes(statusOf(lab, name)), `${context}: ${name} is ${statusOf(lab, name)}`);
    changes += victim.lines.filter((line) => line.startsWith('done')).length;
    await assertAllWell(lab, context);
  }
  const pings = await stopPinging();
  await removeAll(lab, `seed ${seed}`);
  await lab.engine.removeNetwork(STORM_NETWORK);
  t.diagnostic(`${changes} changes; ${pings} pings meanwhile, none lost`);
});

/** Two containers that talk through all of it. Returns what ends that: the number of packets, of which none was lost. */
async function startPinging(): Promise<() => Promise<number>> {
  await lab.containers.create({ ...STEADY, name: 'answers' });
  await lab.containers.start('answers');
  const address = lab.containers.find('answers').endpoints[0]!.ipv4!.split('/')[0]!;
  await lab.containers.create({ ...STEADY, name: 'asks', command: ['ping', '-i', '0.05', address] });
  await lab.containers.start('asks');
  return async () => {
    const exit = lab.containers.wait('asks');
    await lab.containers.kill('asks', 'INT');
    await exit;
    const lines: string[] = [];
    for await (const { data } of lab.containers.logs('asks', { stdout: true, tail: 5 })) lines.push(String(data));
    const [, sent, received] = /(\d+) packets transmitted, (\d+) packets received/.exec(lines.join('')) ?? [];
    const last = [...lines.join('').matchAll(/ seq=(\d+) /g)].at(-1)?.[1];
    assert.equal(Number(received), Number(last) + 1, lines.join(''));
    // The interrupt may have come between the last packet and its answer.
    assert.ok(Number(sent) - Number(received) <= 1, lines.join(''));
    return Number(received);
  };
}

/** What the last word on a container allows it to be. */
function expectations(lines: readonly string[]): Map<string, readonly (string | undefined)[]> {
  const after: Record<string, readonly (string | undefined)[]> = {
    'done create': ['created'],
    'done start': ['running'],
    'done stop': ['exited'],
    'done exec': ['running'],
    'done connect': ['created', 'running', 'exited'],
    'done disconnect': ['created', 'running', 'exited'],
    'done remove': [undefined],
    'begun create': [undefined, 'created'],
    'begun start': ['created', 'running', 'exited'],
    'begun stop': ['running', 'exited'],
    'begun exec': ['running'],
    'begun connect': ['created', 'running', 'exited'],
    'begun disconnect': ['created', 'running', 'exited'],
    'begun remove': ['created', 'running', 'exited', undefined],
  };
  return new Map(
    lines.map((line) => {
      const [when, verb, name = ''] = line.split(' ');
      return [name, after[`${when} ${verb}`] ?? []] as const;
    }),
  );
}
