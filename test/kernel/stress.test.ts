/**
 * @module Many at once, and many one after the other: everything is right at the end, and nothing grows.
 */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { openEngine } from '../../src/index.ts';
import { assertNothingLeaked, present } from '../support/kill-inventory.ts';
import { assertWell, NOTHING, openKillLab } from '../support/kill-lab.ts';
import { ROOTS } from '../support/kill-operations.ts';

const MIB = 2 ** 20;
const MANY = 200;
const names = Array.from({ length: MANY }, (_, index) => `s${index}`);

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const lab = await openKillLab();
const empty = await present(lab);

test(`${MANY} sandboxes created, published, stopped, started and removed at once, again and again, and nothing grows`, async (t) => {
  const { engine } = lab;
  await engine.createNetwork({ name: 'wide', ipv6: true, subnets: [{ subnet: '10.64.0.0/16' }] });
  const sizes: Size[] = [];
  for (let round = 0; round < 6; round++) {
    const created = await Promise.all(
      names.map((name, index) =>
        engine.createSandbox({
          name,
          endpoints: [{ network: 'wide', ports: [{ port: 80, hostPort: 20_000 + index }] }],
        }),
      ),
    );
    const addresses = created.flatMap(({ endpoints }) => endpoints.flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6]));
    assert.equal(new Set(addresses).size, 2 * MANY, 'every address once');
    await Promise.all(names.slice(0, 40).map((name) => engine.attach(name, 'bridge')));
    await Promise.all(names.slice(0, 40).map((name) => engine.stopSandbox(name)));
    await Promise.all(names.slice(0, 40).map((name) => engine.startSandbox(name)));
    await Promise.all(names.slice(20, 60).map((name) => engine.unpublish(name, { port: 80 })));
    if (round === 0) {
      await engine.settled();
      await assertNothingLeaked(lab, 'all are there');
      assert.deepEqual(await engine.reconcile(), NOTHING);
    }
    await Promise.all(names.map((name) => engine.removeSandbox(name)));
    await engine.settled();
    sizes.push(measure());
  }
  await assertNothingLeaked(lab, 'all are gone');
  assertNoGrowth(sizes);
  t.diagnostic(
    sizes.map(({ descriptors, heapBytes }) => `${descriptors} fds, ${Math.round(heapBytes / MIB)} MiB`).join('; '),
  );
  await engine.removeNetwork('wide');
});

test('the same interface attached and detached 100 times in one breath', async () => {
  const { engine } = lab;
  await engine.createSandbox({ name: 'churn' });
  for (let time = 0; time < 100; time++) {
    const { ipv4 } = await engine.attach('churn', 'bridge', {
      interfaceName: 'same0',
      ports: [{ port: 80, hostPort: 20_000 }],
    });
    assert.equal(ipv4, '172.17.0.2/16');
    await engine.detach('churn', 'bridge');
  }
  await engine.attach('churn', 'bridge', { interfaceName: 'same0', ports: [{ port: 80, hostPort: 20_000 }] });
  await assertWell(lab, 'attached at last', { tcp: [20_000], udp: [] });
  await engine.removeSandbox('churn');
});

test('the same network and sandbox made and removed 50 times in one breath', async () => {
  const { engine } = lab;
  for (let time = 0; time < 50; time++) {
    await engine.createNetwork({ name: 'again', bridgeName: 'br-again', subnets: [{ subnet: '10.65.0.0/24' }] });
    await engine.createSandbox({
      name: 'again',
      endpoints: [{ network: 'again', ports: [{ port: 80, hostPort: 20_000 }] }],
    });
    await engine.removeSandbox('again');
    await engine.removeNetwork('again');
  }
  await engine.settled();
  await assertWell(lab, 'made and removed', { tcp: [20_000], udp: [] });
});

test('two engines by turns, each with what the other did', async () => {
  const sizes: Size[] = [];
  await lab.engine.close();
  for (let turn = 0; turn < 20; turn++) {
    await using engine = await openEngine({ ...ROOTS, onError: (error) => assert.fail(error) });
    assert.equal(engine.listSandboxes().length, turn % 2);
    if (turn % 2 === 0)
      await engine.createSandbox({
        name: 'turn',
        endpoints: [{ network: 'bridge', ports: [{ port: 80, hostPort: 20_000 }] }],
      });
    else await engine.removeSandbox('turn');
    if (turn % 4 === 3) sizes.push(measure());
  }
  assertNoGrowth(sizes);
  await lab.reopen();
});

test('an engine with more descriptors than select(2) takes opens and repairs', async () => {
  const { engine } = lab;
  await engine.createSandbox({
    name: 'wide',
    endpoints: [{ network: 'bridge', ports: [{ port: [20_000, 21_499], hostPort: [20_000, 21_499] }] }],
  });
  await engine.settled();
  assert.ok(readdirSync('/proc/self/fd').length > 1500);
  await lab.sh('host', 'nft delete table inet pontoon');
  assert.deepEqual((await engine.reconcile()).repaired, ['table inet pontoon: made']);
  await lab.reopen();
  await assertWell(lab, 'opened again', { tcp: [20_000, 21_499], udp: [] });
  await lab.engine.removeSandbox('wide');
});

test('when all is removed, nothing is left', async () => {
  await lab.engine.settled();
  assert.deepEqual(await present(lab), empty);
});

interface Size {
  readonly descriptors: number;
  readonly heapBytes: number;
  readonly residentBytes: number;
}

function measure(): Size {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  const resident = Number(/VmRSS:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))![1]) * 1024;
  return { descriptors: readdirSync('/proc/self/fd').length, heapBytes: heapUsed + external, residentBytes: resident };
}

/** The first round makes caches; the rest may wobble, but not climb. */
function assertNoGrowth(sizes: readonly Size[]): void {
  const [, first, ...rest] = sizes;
  const last = rest.at(-1)!;
  const context = JSON.stringify(sizes);
  assert.ok(last.descriptors <= first!.descriptors + 2, context);
  assert.ok(last.heapBytes <= first!.heapBytes + 4 * MIB, context);
  assert.ok(last.residentBytes <= first!.residentBytes + 60 * MIB, context);
}
