/**
 * @module Networks: every option, as the kernel has it afterwards; found, listed, removed, pruned.
 */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hasFeature } from '../../src/kernel/features.ts';
import { ADDRESSES, isPontoonError, openLab, serveWeb } from '../support/lab.ts';

const lab = await openLab();
const { engine, world, sh } = lab;

/** What `ip` says of a link of the host. */
async function linkOf(name: string): Promise<{ mtu: number; operstate: string; address: string; addresses: string[] }> {
  const [link] = JSON.parse(await sh('host', `ip -json address show dev ${name}`));
  const global = link.addr_info.filter(({ scope }: { scope: string }) => scope === 'global');
  return {
    ...link,
    addresses: global.map(({ local, prefixlen }: { local: string; prefixlen: number }) => `${local}/${prefixlen}`),
  };
}

async function linkNames(): Promise<string[]> {
  return JSON.parse(await sh('host', 'ip -json link')).map(({ ifname }: { ifname: string }) => ifname);
}

describe('the networks that are always there', () => {
  test('are bridge, host and none', () => {
    const predefined = engine.listNetworks().map(({ name, driver, predefined }) => ({ name, driver, predefined }));
    assert.deepEqual(predefined, [
      { name: 'bridge', driver: 'bridge', predefined: true },
      { name: 'host', driver: 'host', predefined: true },
      { name: 'none', driver: 'none', predefined: true },
    ]);
  });

  test('the default one is 172.17.0.0/16 on pontoon0', async () => {
    const network = engine.inspectNetwork('bridge');
    assert.equal(network.subnets[0]?.subnet, '172.17.0.0/16');
    assert.equal(network.bridgeName, 'pontoon0');
    assert.deepEqual((await linkOf('pontoon0')).addresses, ['172.17.0.1/16']);
  });

  test('cannot be removed', async () => {
    for (const name of ['bridge', 'host', 'none']) {
      await assert.rejects(engine.removeNetwork(name), isPontoonError('network-predefined'));
    }
  });
});

describe('a bridge network', () => {
  test('has every option in the kernel', async () => {
    const network = await engine.createNetwork({
      name: 'full',
      bridgeName: 'full0',
      mtuBytes: 1400,
      interfacePrefix: 'net',
      labels: { team: 'blue' },
      subnets: [
        {
          subnet: '10.60.0.0/24',
          gateway: '10.60.0.254',
          ipRange: '10.60.0.128/26',
          auxAddresses: { printer: '10.60.0.128' },
        },
        { subnet: 'fd00:60:0::/64', gateway: 'fd00:60::00FE', auxAddresses: { printer: 'fd00:60:0:0::2' } },
      ],
    });
    const bridge = await linkOf('full0');
    assert.equal(bridge.mtu, 1400);
    assert.deepEqual(bridge.addresses, ['10.60.0.254/24', 'fd00:60::fe/64']);

    const sandbox = await lab.sandbox('full', ['full']);
    const [endpoint] = sandbox.endpoints;
    assert.equal(endpoint?.interfaceName, 'net0');
    assert.equal(endpoint?.ipv4, '10.60.0.129/24', 'the first of the range that is not an auxiliary address');
    assert.equal(endpoint?.ipv6, 'fd00:60::1/64');
    assert.equal(endpoint?.gateway4, '10.60.0.254');
    assert.deepEqual(network.subnets, [
      {
        family: 4,
        subnet: '10.60.0.0/24',
        gateway: '10.60.0.254',
        ipRange: '10.60.0.128/26',
        auxAddresses: { printer: '10.60.0.128' },
      },
      {
        family: 6,
        subnet: 'fd00:60::/64',
        gateway: 'fd00:60::fe',
        ipRange: undefined,
        auxAddresses: { printer: 'fd00:60::2' },
      },
    ]);
    const [inner] = JSON.parse(await sh(sandbox, 'ip -json link show dev net0'));
    assert.equal(inner.mtu, 1400);
    assert.match(await sh(sandbox, 'ip route show default'), /^default via 10\.60\.0\.254 dev net0 *$/);
    assert.match(await sh(sandbox, 'ip -6 route show default'), /^default via fd00:60::fe dev net0 /);

    const { endpoints, ...inspected } = engine.inspectNetwork('full');
    assert.deepEqual(inspected, network);
    assert.deepEqual(
      endpoints.map(({ sandboxName }) => sandboxName),
      ['full'],
    );
    assert.deepEqual(network.labels, { team: 'blue' });
    await engine.removeSandbox('full');
    await engine.removeNetwork('full');
  });

  test('is found by name, ID and the beginning of its ID', async () => {
    const { id } = await engine.createNetwork({ name: 'found' });
    for (const ref of ['found', id, id.slice(0, 12)]) assert.equal(engine.inspectNetwork(ref).id, id);
    assert.throws(() => engine.inspectNetwork('lost'), isPontoonError('network-not-found'));
    assert.throws(() => engine.inspectNetwork(''), isPontoonError('network-not-found'));
    await engine.removeNetwork(id.slice(0, 12));
    assert.throws(() => engine.inspectNetwork('found'), isPontoonError('network-not-found'));
  });

  test('is gone from the kernel when it is removed, and its subnet is free again', async () => {
    const { bridgeName } = await engine.createNetwork({ name: 'gone', subnets: [{ subnet: '10.61.0.0/24' }] });
    assert.ok((await linkNames()).includes(bridgeName!));
    await engine.removeNetwork('gone');
    await engine.settled();
    assert.ok(!(await linkNames()).includes(bridgeName!));
    assert.doesNotMatch(await sh('host', 'ip route; nft list table inet pontoon'), /10\.61\.0|br-/);
    await engine.createNetwork({ name: 'again', subnets: [{ subnet: '10.61.0.0/24' }] });
    await engine.removeNetwork('again');
  });

  test('with endpoints is not removed, and pruning takes only unused ones', async () => {
    await engine.createNetwork({ name: 'used' });
    await engine.createNetwork({ name: 'unused' });
    await lab.sandbox('user', ['used']);
    await assert.rejects(engine.removeNetwork('used'), isPontoonError('network-in-use'));
    const pruned = await engine.pruneNetworks();
    assert.deepEqual(
      pruned.map(({ name }) => name),
      ['unused'],
    );
    await engine.stopSandbox('user');
    assert.deepEqual(await engine.pruneNetworks(), [], 'a stopped sandbox keeps its network');
    await engine.removeSandbox('user');
    assert.equal((await engine.pruneNetworks()).length, 1);
  });

  test("takes its MTU from the host's default route", async () => {
    await sh('host', 'ip link set eth0 mtu 1450');
    const { mtuBytes, bridgeName } = await engine.createNetwork({ name: 'narrow' });
    assert.equal(mtuBytes, 1450);
    assert.equal((await linkOf(bridgeName!)).mtu, 1450);
    await sh('host', 'ip link set eth0 mtu 1500');
    assert.equal((await engine.createNetwork({ name: 'wide' })).mtuBytes, 1500);
    await engine.pruneNetworks();
  });

  test('may have the same options as one before it', async () => {
    for (let round = 0; round < 2; round++) {
      await engine.createNetwork({ name: 'same', bridgeName: 'same0', subnets: [{ subnet: '10.62.0.0/24' }] });
      await engine.removeNetwork('same');
    }
    await engine.settled();
    assert.ok(!(await linkNames()).includes('same0'));
  });
});

describe('a subnet that nobody named', () => {
  test('is the lowest free one of the pools', async () => {
    const first = await engine.createNetwork({ name: 'first' });
    const second = await engine.createNetwork({ name: 'second' });
    assert.equal(first.subnets[0]?.subnet, '10.89.0.0/24');
    assert.equal(second.subnets[0]?.subnet, '10.89.1.0/24');
    await engine.removeNetwork('first');
    assert.equal((await engine.createNetwork({ name: 'third' })).subnets[0]?.subnet, '10.89.0.0/24');
    await engine.pruneNetworks();
  });

  test('is none that the host routes', async () => {
    await sh('host', 'ip route add 10.89.0.0/23 via 192.0.2.1; ip route add blackhole 10.89.2.0/24');
    const { subnets } = await engine.createNetwork({ name: 'avoiding' });
    assert.equal(subnets[0]?.subnet, '10.89.3.0/24');
    await sh('host', 'ip route del 10.89.0.0/23; ip route del blackhole 10.89.2.0/24');
    await engine.pruneNetworks();
  });

  test('has the size that was asked for', async () => {
    const { subnets } = await engine.createNetwork({
      name: 'sized',
      subnets: [{ subnet: '0.0.0.0/28' }, { subnet: '::/64' }],
    });
    assert.match(String(subnets[0]?.subnet), /^10\.89\.0\.0\/28$/);
    assert.match(String(subnets[1]?.subnet), /^fd[0-9a-f:]+\/64$/);
    await engine.pruneNetworks();
  });

  test('is a unique local one for IPv6, and no IPv4 one on an IPv6-only network', async () => {
    const both = await engine.createNetwork({ name: 'both', ipv6: true });
    assert.deepEqual(
      both.subnets.map(({ family }) => family),
      [4, 6],
    );
    const only = await engine.createNetwork({ name: 'only', ipv4: false });
    assert.deepEqual(
      only.subnets.map(({ family }) => family),
      [6],
    );
    const [a, b] = [both.subnets[1]!.subnet, only.subnets[0]!.subnet];
    assert.match(a, /^fd/);
    assert.notEqual(a, b);
    assert.equal((await linkOf(only.bridgeName!)).addresses.length, 1);
    await engine.pruneNetworks();
  });

  test('can come from pools of the user', async () => {
    const engine = await lab.reopen({ pools: [{ base: '192.168.64.0/23', size: 24 }] });
    for (const name of ['a', 'b']) await engine.createNetwork({ name });
    const given = ['a', 'b'].map((name) => engine.inspectNetwork(name).subnets[0]?.subnet);
    assert.deepEqual(given, ['192.168.64.0/24', '192.168.65.0/24']);
    await assert.rejects(engine.createNetwork({ name: 'c' }), isPontoonError('pools-full'));
    assert.equal((await engine.pruneNetworks()).length, 2);
    await lab.reopen();
  });
});

describe('a macvlan network', { skip: hasFeature('macvlan') ? false : 'this kernel has no macvlan' }, () => {
  test('puts its endpoints on the LAN', async () => {
    const { engine } = lab;
    await engine.createNetwork({
      name: 'lan',
      driver: 'macvlan',
      parent: 'eth0',
      subnets: [{ subnet: '192.0.2.0/24', gateway: ADDRESSES.lan.ipv4, auxAddresses: { host: ADDRESSES.host.ipv4 } }],
    });
    const one = await lab.sandbox('one', [{ network: 'lan', mac: '02:00:00:00:00:01' }]);
    const two = await lab.sandbox('two', ['lan']);
    assert.deepEqual(
      [one, two].map(({ endpoints }) => endpoints[0]?.ipv4),
      ['192.0.2.3/24', '192.0.2.4/24'],
    );
    serveWeb(world.lan, 'neighbour', { port: 8000 });
    serveWeb(one, 'one');
    assert.equal(await lab.get(one, `http://${ADDRESSES.lan.ipv4}:8000/`), 'neighbour saw 192.0.2.3', 'no masquerade');
    assert.equal(await lab.get(world.lan, 'http://192.0.2.3/'), `one saw ${ADDRESSES.lan.ipv4}`, 'all ports are open');
    assert.equal(await lab.get(two, 'http://192.0.2.3/'), 'one saw 192.0.2.4');
    assert.match(await sh(world.lan, 'ip neigh show 192.0.2.3'), /02:00:00:00:00:01/);
    assert.equal(await lab.get(two, 'http://one/'), 'one saw 192.0.2.4', 'names work as on a bridge');
    assert.equal(await world.ping('host', '192.0.2.3'), false, 'the host is cut off by the nature of macvlan');
    await assert.rejects(
      engine.publish('one', { port: 80, hostPort: 80 }),
      isPontoonError('bad-value'),
      'there is nothing to publish',
    );

    await engine.detach('one', 'lan');
    await engine.settled();
    assert.equal((await sh(one, 'ip -json link | tr -d " "')).includes('"eth0"'), false);
    await engine.removeSandbox('one');
    await engine.removeSandbox('two');
    await engine.removeNetwork('lan');
  });

  test('in private mode keeps its endpoints apart', async () => {
    const { engine } = lab;
    await engine.createNetwork({
      name: 'private',
      driver: 'macvlan',
      parent: 'eth0',
      macvlanMode: 'private',
      subnets: [{ subnet: '192.0.2.0/24', gateway: ADDRESSES.lan.ipv4 }],
    });
    const one = await lab.sandbox('one', [{ network: 'private', ipv4: '192.0.2.3' }]);
    await lab.sandbox('two', [{ network: 'private', ipv4: '192.0.2.4' }]);
    assert.equal(await world.ping(one, '192.0.2.4'), false);
    assert.equal(await world.ping(one, ADDRESSES.lan.ipv4), true);
    for (const name of ['one', 'two']) await engine.removeSandbox(name);
    await engine.removeNetwork('private');
  });

  test('needs a parent that is there', async () => {
    const { engine } = lab;
    const spec = { name: 'lost', driver: 'macvlan' } as const;
    await assert.rejects(engine.createNetwork(spec), isPontoonError('bad-value'));
    await assert.rejects(engine.createNetwork({ ...spec, parent: 'eth9' }), isPontoonError('bad-value'));
    assert.equal(engine.listNetworks().length, 3);
  });
});
