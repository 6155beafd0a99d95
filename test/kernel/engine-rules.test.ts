/**
 * @module The engine's rules while others change theirs: what is taken away comes back at once.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ADDRESSES, openLab, serveWeb } from '../support/lab.ts';
import { until } from './support.ts';

const lab = await openLab();
const { engine, world, get } = lab;
const web = await lab.sandbox('web', [{ network: 'bridge', ports: [{ port: 80, hostPort: 8080 }] }]);
serveWeb(web, 'web');
const reaches = async (): Promise<boolean> =>
  /^web/.test(String(await get(world.lan, `http://${ADDRESSES.host.ipv4}:8080/`)));

for (const command of ['nft flush ruleset', 'nft delete table inet pontoon']) {
  test(`they are back after ${command}, and it is said who did it`, async () => {
    assert.ok(await reaches());
    await lab.sh('host', command);
    await until(() => lab.failures.length > 0, 'the rules are put back');
    assert.match(lab.failures.splice(0).join(), /^nft \(process \d+\) has removed the table inet pontoon: it is back$/);
    assert.ok(await reaches());
    assert.deepEqual((await engine.reconcile()).repaired, []);
  });
}

test('the rules of others are none of its business', async () => {
  await lab.sh('host', 'nft add table inet other; nft delete table inet other');
  await engine.publish('web', { port: 81, hostPort: 8081 });
  await engine.unpublish('web', { hostPort: 8081 });
  await engine.settled();
  assert.deepEqual(lab.failures, []);
});

test('one that is not to guard them leaves that to the reconciler', async () => {
  await lab.reopen({ guardRules: false });
  await lab.sh('host', 'nft flush ruleset');
  assert.deepEqual((await lab.engine.reconcile()).repaired, ['table inet pontoon: made']);
});
