/**
 * @module Kill tests: the engine's process dies (SIGKILL) before every step of every operation.
 *
 * After each death another engine opens. Then the operation has happened entirely or not at all, and if it had
 * returned, it has happened; nothing is leaked, everything works, and there is nothing left to repair.
 */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { present, view } from '../support/kill-inventory.ts';
import { assertWell, openKillLab, Victim } from '../support/kill-lab.ts';
import { makeForeign, OPERATIONS, prepareBase, removeAll } from '../support/kill-operations.ts';

const lab = await openKillLab();
const foreign = makeForeign();
after(() => foreign[Symbol.dispose]());
const empty = await present(lab);
before(() => prepareBase(lab.engine));

for (const { name, prepare } of OPERATIONS) {
  test(`killed at every step of ${name}`, async (t) => {
    let before: unknown;
    const outcomes: { readonly context: string; readonly returned: boolean; readonly outcome: unknown }[] = [];
    let next = new Victim('kill-child.ts', ['1', name]);
    t.after(() => next[Symbol.dispose]());
    for (let at = 1; ; at++) {
      using victim = next;
      next = new Victim('kill-child.ts', [String(at + 1), name]);
      await prepare(lab.engine);
      before ??= view(lab.engine);
      assert.deepEqual(view(lab.engine), before, `before step ${at} all is as it was before the first`);
      await lab.engine.close();
      const { died, returned } = await victim.die();
      await lab.reopen();
      const context = `killed before step ${at} of ${name}: ${died}`;
      outcomes.push({ context, returned, outcome: view(lab.engine) });
      await assertWell(lab, context);
      if (died === undefined) break;
    }
    const done = outcomes.at(-1)!.outcome;
    assert.notDeepEqual(done, before, `${name} does something`);
    for (const { context, returned, outcome } of outcomes) {
      if (returned || !isDeepStrictEqual(outcome, before)) assert.deepEqual(outcome, done, context);
    }
    t.diagnostic(`${outcomes.length - 1} deaths`);
  });
}

test('when all is removed, nothing is left', async () => {
  await removeAll(lab.engine);
  assert.deepEqual(await present(lab), empty);
});
