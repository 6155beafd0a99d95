/**
 * @module Sandboxes over time: stopped and started, with their ports; engines closed and opened, with traffic going on.
 */

import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { ADDRESSES, isPontoonError, openLab, serveWeb } from '../support/lab.ts';

const { host, lan } = ADDRESSES;
const lab = await openLab({ defaultNetwork: { subnets: [{ subnet: '10.40.0.0/24' }, { subnet: 'fd00:40::/64' }] } });
const { world, get, sh } = lab;

const fromLan = (port: number): Promise<string | undefined> => get(world.lan, `http://${host.ipv4}:${port}/`);

/** What the engine has made on the host, when that is settled: links, rules, listening sockets. */
async function hostState(): Promise<string> {
  await lab.engine.settled();
  return sh(
    'host',
    'ip -o link | sed "s/.*: \\(.*\\): <.*/\\1/" | sort; nft list table inet pontoon; ss -Hnltu | sort',
  );
}

afterEach(async () => {
  for (const { id } of lab.engine.listSandboxes()) await lab.engine.removeSandbox(id);
  await lab.engine.pruneNetworks();
});

test('after everything is removed, nothing is left', async () => {
  const { engine } = lab;
  const before = await hostState();
  await engine.createNetwork({ name: 'net', ipv6: true });
  for (const name of ['a', 'b', 'c']) {
    await lab.sandbox(name, [
      'net',
      { network: 'bridge', ports: [{ port: [1000, 1099] }, { port: 53, protocol: 'udp' }] },
    ]);
  }
  await engine.detach('a', 'net');
  await engine.stopSandbox('b');
  for (const name of ['a', 'b', 'c']) await engine.removeSandbox(name);
  await engine.removeNetwork('net');
  assert.equal(await hostState(), before);
  assert.deepEqual(await engine.reconcile(), { repaired: [], removed: [], failed: [] });
});

describe('a stopped sandbox', () => {
  test('has no namespace, no names and no open ports, and has all again when it starts', async () => {
    const { engine } = lab;
    const web = await lab.sandbox('web', [{ network: 'bridge', ports: [{ port: 80, hostPort: 8080 }, { port: 81 }] }]);
    const client = await lab.sandbox('client', ['bridge']);
    serveWeb(web, 'web');
    assert.equal(await fromLan(8080), `web saw ${lan.ipv4}`);
    await engine.stopSandbox('web');
    const stopped = engine.inspectSandbox('web');
    assert.deepEqual([stopped.running, stopped.namespacePath], [false, undefined]);
    assert.deepEqual(web.endpoints[0]?.ports[1]?.chosenFrom, [0, 0]);
    assert.deepEqual(
      stopped.endpoints[0]?.ports.map(({ hostPort }) => hostPort[0]),
      [8080, 0],
      'a chosen port is to be chosen again',
    );
    assert.equal(await fromLan(8080), undefined);
    assert.equal(await get(client, 'http://web/'), undefined);
    await engine.stopSandbox('web');

    const started = await engine.startSandbox('web');
    assert.equal(started.running, true);
    serveWeb(started, 'web');
    serveWeb(started, 'second', { port: 81 });
    assert.equal(await fromLan(8080), `web saw ${lan.ipv4}`);
    assert.equal(await fromLan(started.endpoints[0]!.ports[1]!.hostPort[0]), `second saw ${lan.ipv4}`);
    assert.match(String(await get(client, 'http://web/')), /^web saw fd00:40::/);
  });

  test('is attached, detached and published to without a kernel', async () => {
    const { engine } = lab;
    await engine.createNetwork({ name: 'later', subnets: [{ subnet: '10.41.0.0/24' }] });
    await lab.sandbox('web', ['bridge']);
    await engine.stopSandbox('web');
    const before = await hostState();
    const endpoint = await engine.attach('web', 'later', { ipv4: '10.41.0.9', gatewayPriority: 1 });
    assert.equal(endpoint.ipv4, '10.41.0.9/24');
    await engine.publish('web', { port: 80, hostPort: 8080 }, { network: 'later' });
    await engine.detach('web', 'bridge');
    assert.equal(await hostState(), before);
    const web = await engine.startSandbox('web');
    serveWeb(web, 'web');
    assert.deepEqual(
      web.endpoints.map(({ networkName, ipv4 }) => [networkName, ipv4]),
      [['later', '10.41.0.9/24']],
    );
    assert.equal(await fromLan(8080), `web saw ${lan.ipv4}`);
  });

  test('gives its host ports to others, and cannot start while they have them', async () => {
    const { engine } = lab;
    const ports = [{ port: 80, hostPort: 8080 }];
    await lab.sandbox('first', [{ network: 'bridge', ports }]);
    await engine.stopSandbox('first');
    const second = await lab.sandbox('second', [{ network: 'bridge', ports }]);
    serveWeb(second, 'second');
    await assert.rejects(engine.startSandbox('first'), isPontoonError('port-taken'));
    assert.equal(engine.inspectSandbox('first').running, false);
    assert.equal(await fromLan(8080), `second saw ${lan.ipv4}`, 'the other one keeps it');
    await assert.rejects(engine.publish('second', { port: 81, hostPort: 8080 }), isPontoonError('port-taken'));

    await engine.removeSandbox('first');
    assert.equal(await fromLan(8080), `second saw ${lan.ipv4}`, 'removing the stopped one takes nothing away');
    await assert.rejects(lab.sandbox('third', [{ network: 'bridge', ports }]), isPontoonError('port-taken'));
  });

  test('gives a random port when it starts to what was published meanwhile', async () => {
    const { engine } = lab;
    await lab.sandbox('web', ['bridge']);
    await engine.stopSandbox('web');
    await engine.publish('web', { port: 80 });
    const web = await engine.startSandbox('web');
    serveWeb(web, 'web');
    const [binding] = web.endpoints[0]!.ports;
    assert.ok(binding!.hostPort[0] > 0);
    assert.equal(await fromLan(binding!.hostPort[0]), `web saw ${lan.ipv4}`);
  });
});

test('of a range for one port, each start takes the first free one', async () => {
  const { engine } = lab;
  const ports = [{ port: 80, hostPort: [8080, 8082] }] as const;
  const hostPorts = () =>
    engine.listSandboxes().map(({ endpoints }) => endpoints.flatMap((endpoint) => endpoint.ports[0]?.hostPort[0]));
  await lab.sandbox('first', [{ network: 'bridge', ports }]);
  await lab.sandbox('second', [{ network: 'bridge', ports }], { running: false });
  assert.deepEqual(hostPorts(), [[8080], [0]]);
  await engine.startSandbox('second');
  assert.deepEqual(hostPorts(), [[8080], [8081]]);
  await engine.stopSandbox('first');
  await engine.stopSandbox('second');
  await engine.startSandbox('second');
  assert.deepEqual(hostPorts(), [[0], [8080]]);
  await lab.reopen();
  await lab.engine.startSandbox('first');
  const web = lab.engine.inspectSandbox('first');
  assert.deepEqual(web.endpoints[0]?.ports[0]?.hostPort, [8081, 8081]);
  serveWeb(web, 'first');
  assert.equal(await fromLan(8081), `first saw ${lan.ipv4}`);
});

describe('a sandbox that is made without running', () => {
  test('is a record until it starts', async () => {
    const { engine } = lab;
    const before = await hostState();
    const ports = [{ port: 80, hostPort: 8080 }, { port: 81 }];
    const made = await lab.sandbox('web', [{ network: 'bridge', ipv4: '10.40.0.9', ports }], { running: false });
    assert.deepEqual([made.running, made.namespacePath, made.endpoints[0]?.ipv4], [false, undefined, '10.40.0.9/24']);
    await engine.publish('web', { port: 82, hostPort: 8082 });
    await engine.unpublish('web', { port: 82 });
    assert.equal(await hostState(), before);
    await assert.rejects(
      lab.sandbox('other', [{ network: 'bridge', ipv4: '10.40.0.9' }]),
      isPontoonError('address-taken'),
    );
    await assert.rejects(lab.sandbox('web'), isPontoonError('name-taken'));
    assert.deepEqual(await (await lab.reopen()).reconcile(), { repaired: [], removed: [], failed: [] });
    const web = await lab.engine.startSandbox('web');
    serveWeb(web, 'web');
    assert.equal(await fromLan(8080), `web saw ${lan.ipv4}`);
    assert.ok(web.endpoints[0]!.ports[1]!.hostPort[0] > 0);
  });

  test('leaves nothing when it is removed unused', async () => {
    const before = await hostState();
    await lab.sandbox('web', ['bridge'], { running: false });
    await lab.engine.removeSandbox('web');
    assert.equal(await hostState(), before);
    assert.deepEqual(await lab.engine.reconcile(), { repaired: [], removed: [], failed: [] });
  });

  test('meets conflicts of host ports when it starts, and stays stopped', async () => {
    const { engine } = lab;
    using _program = serveWeb('host', 'program', { port: 8080 });
    await lab.sandbox('web', [{ network: 'bridge', ports: [{ port: 80, hostPort: 8080 }] }], { running: false });
    await assert.rejects(engine.startSandbox('web'), isPontoonError('port-taken'));
    assert.equal(engine.inspectSandbox('web').running, false);
    await engine.unpublish('web', { hostPort: 8080 });
    await engine.publish('web', { port: 80, hostPort: 8081 });
    serveWeb(await engine.startSandbox('web'), 'web');
    assert.equal(await fromLan(8081), `web saw ${lan.ipv4}`);
  });

  test('shares a stack only when the other one runs', async () => {
    const { engine } = lab;
    await lab.sandbox('owner', ['bridge'], { running: false });
    await lab.sandbox('guest', [], { running: false, namespace: { sandbox: 'owner' } });
    await assert.rejects(engine.startSandbox('guest'), isPontoonError('mode-conflict'));
    const owner = await engine.startSandbox('owner');
    const guest = await engine.startSandbox('guest');
    assert.equal(guest.namespacePath, owner.namespacePath);
    await assert.rejects(engine.stopSandbox('owner'), isPontoonError('sandbox-in-use'));
    await engine.stopSandbox('guest');
    await engine.removeSandbox('owner');
    await assert.rejects(engine.startSandbox('guest'), isPontoonError('sandbox-not-found'));
  });
});

describe('while no engine runs', () => {
  test('traffic goes on: between endpoints, from outside, and out', async () => {
    const web = await lab.sandbox('web', [{ network: 'bridge', ports: [{ port: 80, hostPort: 8080 }] }]);
    const client = await lab.sandbox('client', ['bridge']);
    serveWeb(web, 'web');
    await lab.engine.close();
    assert.equal(await fromLan(8080), `web saw ${lan.ipv4}`);
    assert.equal(await get('host', 'http://127.0.0.1:8080/'), 'web saw 10.40.0.1');
    assert.equal(await get(client, 'http://10.40.0.2/'), 'web saw 10.40.0.3');
    assert.equal(await world.ping(client, ADDRESSES.outside.ipv4), true);
    const engine = await lab.reopen();
    assert.deepEqual(await engine.reconcile(), { repaired: [], removed: [], failed: [] }, 'all was as it should be');
    assert.equal(await fromLan(8080), `web saw ${lan.ipv4}`);
    assert.equal(engine.inspectSandbox('web').namespacePath, web.namespacePath);
    await engine.detach('client', 'bridge');
    assert.equal(await world.ping(web, '10.40.0.3'), false);
  });

  test('a program may take a published port, which the next engine says', async () => {
    await lab.sandbox('web', [{ network: 'bridge', ports: [{ port: 80, hostPort: 8080 }] }]);
    await lab.engine.close();
    {
      using _program = serveWeb('host', 'program', { port: 8080 });
      await lab.reopen();
      assert.match(lab.failures.splice(0).join(), /8080\/tcp of web: another program has it/);
    }
  });

  test('one engine has the run directory, and a second one is refused', async () => {
    await assert.rejects(lab.openAnother({ lockWaitMs: 50 }), isPontoonError('engine-busy'));
    assert.deepEqual(lab.engine.listSandboxes(), []);
  });
});

test('a closed engine does nothing more', async () => {
  const { engine } = lab;
  await engine.close();
  await engine.close();
  await assert.rejects(engine.createNetwork({ name: 'late' }), isPontoonError('engine-busy'));
  await lab.reopen();
});
