/**
 * @module Kill tests: the engine's process dies (SIGKILL) before every step of opening: the first time, and when there
 * is much to repair.
 */

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { view, wanted } from '../support/kill-inventory.ts';
import { assertWell, openKillLab, Victim } from '../support/kill-lab.ts';
import { prepareBase, ROOTS } from '../support/kill-operations.ts';

const lab = await openKillLab();

/** Opens again and again, dying before one step more each time; `prepare` runs while no engine does. */
async function dieOpening(prepare: () => Promise<unknown>, check: (context: string) => Promise<void>): Promise<number> {
  for (let at = 1; ; at++) {
    using victim = new Victim('kill-child.ts', [String(at)]);
    await lab.engine.close();
    await prepare();
    const { died } = await victim.die();
    await lab.reopen();
    assert.equal(readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8'), '1\n');
    await check(`killed before step ${at} of opening: ${died}`);
    if (died === undefined) return at - 1;
  }
}

test('killed at every step of the first opening', async (t) => {
  const first = view(lab.engine);
  const deaths = await dieOpening(
    async () => {
      rmSync(ROOTS.dataRoot, { recursive: true });
      rmSync(ROOTS.runRoot, { recursive: true });
      await lab.sh('host', 'ip link delete pontoon0; nft delete table inet pontoon; sysctl -qw net.ipv4.ip_forward=0');
    },
    async (context) => {
      assert.deepEqual(view(lab.engine), first, context);
      await assertWell(lab, context);
    },
  );
  t.diagnostic(`${deaths} deaths`);
});

test('killed at every step of an opening that has much to repair', async (t) => {
  await prepareBase(lab.engine);
  await lab.engine.createSandbox({
    name: 'other',
    endpoints: [{ network: 'dual' }, { network: 'apart' }, { network: 'wire' }],
  });
  await lab.engine.settled();
  const before = view(lab.engine);
  const deaths = await dieOpening(
    async () => {
      const { links } = wanted(lab.engine);
      const pin = lab.engine.inspectSandbox('bystander').namespacePath;
      const port = links.find((line) => line.startsWith('veth'))!.split(' ')[0];
      await lab.sh('host', `ip link delete br-dual; ip link delete ${port}`);
      await lab.sh('host', 'nft flush map inet pontoon any4; nft add element inet pontoon bridges "{ eth0 }"');
      await lab.sh('host', `umount ${pin}; sysctl -qw net.ipv4.ip_forward=0`);
      await lab.sh('host', `ip link add lost type veth peer lost2; ip link set lost group ${0x706f_6e74}`);
      mkdirSync(`${ROOTS.runRoot}/sandboxes/0123456789ab`);
      writeFileSync(`${ROOTS.runRoot}/netns/0123456789ab`, '');
    },
    async (context) => {
      assert.deepEqual(view(lab.engine), before, context);
      await assertWell(lab, context);
      await lab.sh('host', '! ip link show lost && ! ip link show lost2');
    },
  );
  t.diagnostic(`${deaths} deaths`);
});
