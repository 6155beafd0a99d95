/**
 * @module Bad input: each mistake is one clear line with a stable code, and changes nothing: not in the kernel, not on
 * disk, not in the store, not in this process.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { type ErrorCode, openEngine, PontoonError } from '../../src/index.ts';
import { NetlinkSocket } from '../../src/kernel/netlink/socket.ts';
import { createVeth, deleteLinkGroup, getLink } from '../../src/kernel/rtnetlink/link.ts';
import { NETLINK_ROUTE } from '../../src/kernel/uapi/netlink.ts';
import { fingerprint } from '../support/fingerprint.ts';
import { ROOTS } from '../support/kill-operations.ts';
import { openLab } from '../support/lab.ts';
import { MISTAKES, POOLS, PROGRAM_PORT, prepareMistakes } from '../support/mistakes.ts';

const lab = await openLab({ ...ROOTS, pools: POOLS });
const { engine } = lab;
/** net/bridge/br_private.h: BR_MAX_PORTS without port 0. */
const BRIDGE_PORTS = 1023;

await prepareMistakes(engine);
await engine.settled();

/** A program of the host that has a port. */
const program = createServer().listen(PROGRAM_PORT);
await once(program, 'listening');
after(() => void program.close());

for (const [about, mistakes] of Object.entries(MISTAKES)) {
  describe(about, () => {
    for (const [what, code, says, make] of mistakes) {
      test(what, async () => {
        const before = await fingerprint(lab);
        const error = await failureOf(() => make(engine));
        assertClear(error, code, says);
        assert.deepEqual(await fingerprint(lab), before, 'nothing has changed');
      });
    }
  });
}

test('after all this, the lowest addresses and the ports are free', async () => {
  const { endpoints } = await engine.createSandbox({
    name: 'new',
    endpoints: [{ network: 'one', ports: [{ port: 80, hostPort: 8090 }] }, { network: 'six' }],
  });
  assert.deepEqual(
    endpoints
      .flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6])
      .filter(Boolean)
      .sort(),
    ['172.20.0.4/24', 'fd00:6::2/64'],
  );
  await engine.removeSandbox('new');
});

describe('the engine', () => {
  test('opened twice', async () => {
    const before = await fingerprint(lab);
    const error = await failureOf(() => openEngine({ ...ROOTS, lockWaitMs: 0 }));
    assertClear(error, 'engine-busy', new RegExp(`process ${process.pid} has the engine of ${ROOTS.runRoot}`));
    assert.deepEqual(await fingerprint(lab), before);
  });

  test('opened with a run directory that is none', async () => {
    const before = await fingerprint(lab);
    for (const runRoot of ['/etc/hosts', '/proc/none']) {
      assertClear(await failureOf(() => openEngine({ ...ROOTS, runRoot })), 'store', new RegExp(runRoot));
    }
    assert.deepEqual(await fingerprint(lab), before);
  });

  test('opened with a pool that is none', async () => {
    const roots = { dataRoot: '/run/kill/data2', runRoot: '/run/kill/run2' };
    const error = await failureOf(() => openEngine({ ...roots, pools: [{ base: '10.0.0.0/8', size: 7 }] }));
    assertClear(error, 'bad-subnet', /10\.0\.0\.0\/8/);
  });

  test('opened by somebody else than root', async () => {
    const before = await fingerprint(lab);
    const program = `
      import { openEngine } from '${join(import.meta.dirname, '../../src/index.ts')}';
      await openEngine({ dataRoot: '/run/kill/data3', runRoot: '/run/kill/run3' }).catch(({ code, message }) => console.log(code, message));
    `;
    const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--inh-caps=-all'];
    const { stdout } = await lab.world.run('host', [...nobody, process.execPath, '--input-type=module', '-e', program]);
    assert.match(stdout, /^no-privilege [^\n]*root[^\n]*\n$/);
    assert.deepEqual(await fingerprint(lab), before);
  });
});

test('a bridge that has as many ports as a bridge takes', async () => {
  await engine.createNetwork({ name: 'full', subnets: [{ subnet: '10.80.0.0/20' }], bridgeName: 'br-full' });
  await engine.createSandbox({ name: 'last' });
  using rt = new NetlinkSocket(NETLINK_ROUTE);
  const master = getLink(rt, 'br-full')!.index;
  const group = 77;
  const names = Array.from({ length: BRIDGE_PORTS }, (_, index) => `port${index}`);
  rt.batch(names.map((name) => createVeth({ name, master, group, peer: { name: `${name}p`, group } })));
  const { store: _before, ...before } = await fingerprint(lab);
  const error = await failureOf(() => engine.attach('last', 'full'));
  assertClear(error, 'pool-full', /1023/);
  // Only the kernel knows how many ports there are; that it refused is told by an event each for coming and going.
  const { store: _after, ...after } = await fingerprint(lab);
  assert.deepEqual(after, before);
  rt.request(deleteLinkGroup(group));
  assert.equal((await engine.attach('last', 'full')).ipv4, '10.80.0.2/20');
  await engine.removeSandbox('last');
  await engine.removeNetwork('full');
});

test('a MAC that another interface on the parent has', async () => {
  const { mac } = await engine.attach('idle', 'wire');
  await engine.createSandbox({ name: 'double' });
  const { store: _before, ...before } = await fingerprint(lab);
  const error = await failureOf(() => engine.attach('double', 'wire', { mac: mac! }));
  assertClear(error, 'address-taken', new RegExp(`eth0 has the MAC ${mac}`));
  const { store: _after, ...after } = await fingerprint(lab);
  assert.deepEqual(after, before);
  await engine.removeSandbox('double');
});

/** What a call fails with. */
async function failureOf(call: () => unknown): Promise<unknown> {
  try {
    await call();
  } catch (error) {
    return error;
  }
  assert.fail('it did not fail');
}

/** A stable code, and one line that names what is wrong and says what to do. */
function assertClear(error: unknown, code: ErrorCode, says: RegExp): void {
  if (!PontoonError.is(error)) throw error;
  const { message } = error;
  assert.equal(error.code, code, message);
  assert.match(message, says);
  assert.match(message, /^[^\n]+: [^\n]+$/, 'one line, and what to do behind a colon');
  assert.doesNotMatch(message, /undefined|\[object|NaN/, message);
}
