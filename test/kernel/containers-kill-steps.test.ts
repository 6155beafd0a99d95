/**
 * @module Kill tests: the process that has the containers open dies (SIGKILL) before every step of each operation. The
 * next opening finds all: nothing is left of what is not there, nothing is lost of what is, and everything can be
 * started and removed.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  assertAllWell,
  openContainerKillLab,
  removeAll,
  shortLivedAreGone,
  statusOf,
} from '../support/container-kill-lab.ts';
import { KILL_OPERATIONS } from '../support/container-kill-operations.ts';
import { Victim } from '../support/kill-lab.ts';

const lab = await openContainerKillLab();

for (const { name, prepare, outcomes } of KILL_OPERATIONS) {
  test(`killed at every step of: ${name}`, async (t) => {
    for (let at = 1; ; at++) {
      using victim = new Victim('container-kill-child.ts', [String(at), name]);
      await prepare(lab);
      await lab.close();
      const { died } = await victim.die();
      await lab.open();
      await shortLivedAreGone(lab);
      const context = `${name}, step ${at}: ${died ?? 'returned'}`;
      const status = statusOf(lab, 'target') ?? statusOf(lab, 'other');
      assert.ok(outcomes.includes(status), `${context}: ${status}`);
      await assertAllWell(lab, context);
      await removeAll(lab, context);
      if (died === undefined) return t.diagnostic(`${at - 1} deaths`);
    }
  });
}
