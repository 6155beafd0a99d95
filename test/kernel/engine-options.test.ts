/**
 * @module What an engine is opened with: defaults of its own, a default network that changes, and what it leaves alone.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { afterEach, describe, test } from 'node:test';
import { ask, serveNames } from '../support/dns.ts';
import { ADDRESSES, isPontoonError, openLab, serveWeb } from '../support/lab.ts';

const { host, lan, outside } = ADDRESSES;
const NOTHING = { repaired: [], removed: [], failed: [] };
const lab = await openLab();
const { world, get, sh } = lab;

afterEach(async () => {
  for (const { id } of lab.engine.listSandboxes()) await lab.engine.removeSandbox(id);
});

describe('the default network', () => {
  const defaultNetwork = {
    bridgeName: 'docker9',
    subnets: [{ subnet: '10.70.0.0/16', gateway: '10.70.0.9', ipRange: '10.70.5.0/24' }],
    ipv6: true,
    icc: false,
    masquerade: false,
    mtuBytes: 1400,
    hostAddress: '127.0.0.1',
  };

  test('follows what the engine is opened with', async () => {
    const { id } = lab.engine.inspectNetwork('bridge');
    await lab.sandbox('stopped', [{ network: 'bridge', ports: [{ port: 80, hostPort: 8080 }] }], { running: false });
    const engine = await lab.reopen({ defaultNetwork });
    assert.deepEqual(await engine.reconcile(), NOTHING);
    const network = engine.inspectNetwork('bridge');
    assert.equal(network.id, id);
    assert.deepEqual([network.icc, network.masquerade, network.mtuBytes], [false, false, 1400]);
    const links = await sh('host', 'ip -o link show type bridge');
    assert.match(links, /docker9.* mtu 1400/);
    assert.doesNotMatch(links, /pontoon0/);
    const stopped = await engine.startSandbox('stopped');
    assert.deepEqual([stopped.endpoints[0]?.ipv4, stopped.endpoints[0]?.gateway4], ['10.70.5.0/16', '10.70.0.9']);
    serveWeb(stopped, 'web');
    assert.equal(await get(world.lan, `http://${host.ipv4}:8080/`), `web saw ${lan.ipv4}`, 'published before');
    await engine.publish('stopped', { port: 80, hostPort: 8081 });
    assert.equal(await get('host', 'http://127.0.0.1:8081/'), 'web saw 10.70.0.9');
    assert.equal(await get(world.lan, `http://${host.ipv4}:8081/`), undefined);
  });

  test('stays as it is where that is what it is opened with', async () => {
    const before = (await lab.reopen()).inspectNetwork('bridge');
    const engine = await lab.reopen({ defaultNetwork });
    assert.deepEqual(engine.opening, NOTHING);
    assert.deepEqual(engine.inspectNetwork('bridge'), before);
  });

  test('stays as it is, and says so, while somebody is on it', async () => {
    const before = lab.engine.inspectNetwork('bridge').subnets;
    await lab.sandbox('user', ['bridge']);
    const engine = await lab.reopen({ defaultNetwork: { mtuBytes: 1300, bridgeName: 'docker8' } });
    assert.match(lab.failures.splice(0).join(), /network bridge stays as it was: user use it/);
    assert.deepEqual(engine.inspectNetwork('bridge').subnets, before);
    assert.equal(engine.inspectNetwork('bridge').mtuBytes, 1400);
    await engine.removeSandbox('user');
    await lab.reopen({ defaultNetwork: { mtuBytes: 1300 } });
    assert.equal(lab.engine.inspectNetwork('bridge').mtuBytes, 1300);
  });

  test('cannot be what no network can be', async () => {
    await lab.engine.close();
    await assert.rejects(
      lab.reopen({ defaultNetwork: { subnets: [{ subnet: '10.70.0.0/33' }] } }),
      isPontoonError('bad-subnet'),
    );
    await lab.reopen({ defaultNetwork: { bridgeName: 'pontoon0', mtuBytes: 1500, icc: true, masquerade: true } });
    assert.deepEqual(await lab.engine.reconcile(), NOTHING);
  });
});

test('sandboxes without name servers of their own get those of the engine', async () => {
  using server = serveNames(world.lan, lan.ipv4, '9.9.9.9');
  await lab.reopen({ dns: { dns: [lan.ipv4], dnsSearch: ['example.test'], dnsOptions: ['ndots:3'] } });
  const web = await lab.sandbox('web', ['bridge']);
  const own = await lab.sandbox('own', ['bridge'], { dnsSearch: ['own.test'] });
  assert.deepEqual((await ask(web, 'anything.test'))?.data, ['9.9.9.9']);
  assert.deepEqual(server.asked, ['anything.test']);
  const text = readFileSync(web.files.resolvConf, 'utf8');
  assert.match(text, /^search example.test$/m);
  assert.match(text, /ndots:3/);
  assert.match(readFileSync(own.files.resolvConf, 'utf8'), /^search own.test$/m);
  await lab.reopen();
});

test('without a packet filter there is no rule, and nothing can be published', async () => {
  assert.match(await sh('host', 'nft list tables'), /inet pontoon/);
  const { engine } = { engine: await lab.reopen({ packetFilter: false }) };
  assert.deepEqual(engine.opening.repaired, ['table inet pontoon: removed']);
  assert.equal(await sh('host', 'nft list tables'), '');
  await engine.createNetwork({ name: 'open' });
  const web = await lab.sandbox('web', ['bridge']);
  const other = await lab.sandbox('other', ['open']);
  serveWeb(web, 'web');
  assert.match(String(await get(other, `http://${web.endpoints[0]!.ipv4!.split('/')[0]}/`)), /^web saw/);
  await assert.rejects(engine.publish('web', { port: 80, hostPort: 8080 }), isPontoonError('mode-conflict'));
  for (const name of ['web', 'other']) await engine.removeSandbox(name);
  await engine.removeNetwork('open');
  assert.deepEqual(await engine.reconcile(), NOTHING);
  assert.equal(await sh('host', 'nft list tables'), '');
  assert.deepEqual((await lab.reopen()).opening.repaired, ['table inet pontoon: made']);
});

test('forwarding is left to others when they want that', async () => {
  const settings = 'sysctl -n net.ipv4.ip_forward net.ipv6.conf.all.forwarding';
  await lab.engine.close();
  await sh('host', 'sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0');
  const engine = await lab.reopen({ forwarding: false });
  await engine.createNetwork({ name: 'six', ipv6: true });
  assert.equal(await sh('host', settings), '0\n0');
  const web = await lab.sandbox('web', ['six']);
  assert.equal(await world.ping(web, outside.ipv4), false);
  assert.deepEqual(await engine.reconcile(), NOTHING);
  await lab.reopen();
  assert.equal(await sh('host', settings), '1\n1');
  assert.equal(await world.ping(web, outside.ipv4), true);
  await lab.engine.removeSandbox('web');
  await lab.engine.removeNetwork('six');
});
