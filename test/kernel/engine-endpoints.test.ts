/**
 * @module Endpoints: attached and detached live, on several networks, with addresses, MACs and names of the user's choice.
 */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Sandbox } from '../../src/index.ts';
import { isPontoonError, openLab, type Place, serveWeb, watchFrames } from '../support/lab.ts';

const SUBNETS = (number: number) => [{ subnet: `10.${number}.0.0/24` }, { subnet: `fd00:${number}::/64` }];
const lab = await openLab({ defaultNetwork: { subnets: SUBNETS(40) } });
const { world } = lab;
let { engine } = lab;
await engine.createNetwork({ name: 'front', subnets: SUBNETS(41) });
await engine.createNetwork({ name: 'back', subnets: SUBNETS(42) });
await engine.createNetwork({ name: 'inside', subnets: SUBNETS(43), internal: true });

interface Interface {
  name: string;
  mac: string;
  up: boolean;
  /** With prefix length, without link-local ones. */
  addresses: string[];
}

/** The interfaces of a place, without lo. */
async function interfacesOf(place: Place): Promise<Interface[]> {
  interface Shown {
    ifname: string;
    address: string;
    operstate: string;
    addr_info: { local: string; prefixlen: number; scope: string }[];
  }
  const shown: Shown[] = JSON.parse(await lab.sh(place, 'ip -json address'));
  return shown
    .filter(({ ifname }) => ifname !== 'lo')
    .map(({ ifname, address, operstate, addr_info }) => ({
      name: ifname,
      mac: address,
      up: operstate === 'UP',
      addresses: addr_info
        .filter(({ scope }) => scope === 'global')
        .map(({ local, prefixlen }) => `${local}/${prefixlen}`),
    }));
}

/** The default routes of a place: 'GATEWAY INTERFACE', IPv4 first. */
async function defaultRoutesOf(place: Place): Promise<string[]> {
  const routes = await lab.sh(place, 'ip route show default; ip -6 route show default');
  return [...routes.matchAll(/^default via (\S+) dev (\S+)/gm)].map(([, via, dev]) => `${via} ${dev}`);
}

async function remove(...sandboxes: readonly Sandbox[]): Promise<void> {
  for (const { id } of sandboxes) await engine.removeSandbox(id);
}

describe('attach', () => {
  test('gives a running sandbox an interface, addresses, routes and a way to its neighbours', async () => {
    const one = await lab.sandbox('one');
    const two = await lab.sandbox('two', ['front']);
    assert.deepEqual(await interfacesOf(one), []);
    const endpoint = await engine.attach('one', 'front');
    assert.equal(endpoint.ipv4, '10.41.0.3/24');
    assert.equal(endpoint.ipv6, 'fd00:41::3/64');
    assert.equal(endpoint.mac, '02:42:0a:29:00:03');
    assert.deepEqual(await interfacesOf(one), [
      { name: 'eth0', mac: '02:42:0a:29:00:03', up: true, addresses: ['10.41.0.3/24', 'fd00:41::3/64'] },
    ]);
    assert.deepEqual(await defaultRoutesOf(one), ['10.41.0.1 eth0', 'fd00:41::1 eth0']);
    for (const address of ['10.41.0.2', 'fd00:41::2', '10.41.0.1', 'fd00:41::1', '192.0.2.1', '2001:db8:1::1']) {
      assert.equal(await world.ping(one, address), true, address);
    }
    assert.equal(await world.ping(two, '10.41.0.3'), true);
    assert.deepEqual(engine.inspectSandbox('one').endpoints, [endpoint]);
    await remove(one, two);
  });

  test('to a second network keeps the first', async () => {
    const one = await lab.sandbox('one', ['front']);
    const far = await lab.sandbox('far', ['back']);
    assert.equal(await world.ping(one, '10.42.0.2'), false);
    await engine.attach('one', 'back');
    assert.deepEqual(
      (await interfacesOf(one)).map(({ name, addresses }) => [name, addresses[0]]),
      [
        ['eth0', '10.41.0.2/24'],
        ['eth1', '10.42.0.3/24'],
      ],
    );
    assert.equal(await world.ping(one, '10.42.0.2'), true);
    await engine.detach('one', 'back');
    assert.equal(await world.ping(one, '10.42.0.2'), false);
    assert.equal(await world.ping(one, '10.41.0.1'), true);
    await engine.settled();
    assert.deepEqual(
      (await interfacesOf(one)).map(({ name }) => name),
      ['eth0'],
    );
    await remove(one, far);
  });

  test('again is refused, and detach without attach', async () => {
    const one = await lab.sandbox('one', ['front']);
    await assert.rejects(engine.attach('one', 'front'), isPontoonError('already-attached'));
    await assert.rejects(engine.detach('one', 'back'), isPontoonError('endpoint-not-found'));
    assert.equal((await interfacesOf(one)).length, 1);
    await remove(one);
  });

  test('detach and attach change the interface in one breath', async () => {
    const one = await lab.sandbox('one', ['front']);
    for (let round = 0; round < 5; round++) {
      await engine.detach('one', 'front');
      await engine.attach('one', 'front');
    }
    assert.equal(await world.ping(one, '10.41.0.1'), true);
    await engine.settled();
    assert.deepEqual(
      (await interfacesOf(one)).map(({ name, up }) => [name, up]),
      [['eth0', true]],
    );
    await remove(one);
  });

  test('of many sandboxes at once gives each its own', async () => {
    const names = Array.from({ length: 20 }, (_, index) => `many${index}`);
    const sandboxes = await Promise.all(names.map((name) => lab.sandbox(name, ['front'])));
    assert.equal(new Set(sandboxes.map(({ endpoints }) => endpoints[0]?.ipv4)).size, 20);
    const first = sandboxes[0]!;
    const pings = await Promise.all(sandboxes.map(({ endpoints }) => world.ping(first, bare(endpoints[0]?.ipv4))));
    assert.deepEqual(new Set(pings), new Set([true]));
    await Promise.all(sandboxes.map(({ id }) => engine.removeSandbox(id)));
  });
});

describe('what an endpoint is asked to have', () => {
  test('are its addresses, MAC and interface name', async () => {
    const one = await lab.sandbox('one', [
      {
        network: 'front',
        ipv4: '10.41.0.77',
        ipv6: 'fd00:41::0:77',
        mac: '02:AA:bb:cc:dd:ee',
        interfaceName: 'up.link-7',
      },
    ]);
    assert.deepEqual(await interfacesOf(one), [
      { name: 'up.link-7', mac: '02:aa:bb:cc:dd:ee', up: true, addresses: ['10.41.0.77/24', 'fd00:41::77/64'] },
    ]);
    assert.deepEqual(await defaultRoutesOf(one), ['10.41.0.1 up.link-7', 'fd00:41::1 up.link-7']);
    assert.equal(await world.ping(one, '192.0.2.1'), true);
    await assert.rejects(
      engine.attach('one', 'back', { interfaceName: 'up.link-7' }),
      isPontoonError('interface-taken'),
    );
    await assert.rejects(engine.attach('one', 'back', { interfaceName: 'lo' }), isPontoonError('interface-taken'));
    await engine.attach('one', 'back');
    assert.deepEqual(
      (await interfacesOf(one)).map(({ name }) => name),
      ['up.link-7', 'eth0'],
    );
    await remove(one);
  });

  test('of addresses, a taken one is refused', async () => {
    const one = await lab.sandbox('one', [{ network: 'front', ipv4: '10.41.0.50', ipv6: 'fd00:41::50' }]);
    for (const taken of [
      { ipv4: '10.41.0.50' },
      { ipv6: 'fd00:41::50' },
      { ipv4: '10.41.0.51', ipv6: 'fd00:41::50' },
      { ipv4: '10.41.0.1' },
    ]) {
      await assert.rejects(lab.sandbox('two', [{ network: 'front', ...taken }]), isPontoonError('address-taken'));
    }
    const two = await lab.sandbox('two', [{ network: 'front', ipv4: '10.41.0.51' }]);
    assert.equal(two.endpoints[0]?.ipv4, '10.41.0.51/24', 'what was refused took nothing');
    await remove(one, two);
  });
});

describe('an address', () => {
  test('that was asked for stays reserved while its owner is stopped, another one is given back', async () => {
    const kept = await lab.sandbox('kept', [{ network: 'front', ipv4: '10.41.0.2' }]);
    const loose = await lab.sandbox('loose', ['front']);
    assert.equal(loose.endpoints[0]?.ipv4, '10.41.0.3/24');
    await engine.stopSandbox('kept');
    await engine.stopSandbox('loose');
    assert.equal(engine.inspectSandbox('kept').endpoints[0]?.ipv4, '10.41.0.2/24');
    assert.equal(engine.inspectSandbox('loose').endpoints[0]?.ipv4, undefined);

    const wanting = { network: 'front', ipv4: '10.41.0.2' };
    await assert.rejects(lab.sandbox('thief', [wanting]), isPontoonError('address-taken'));
    const heir = await lab.sandbox('heir', ['front']);
    assert.equal(heir.endpoints[0]?.ipv4, '10.41.0.3/24', 'the lowest that is neither reserved nor taken');

    const again = [await engine.startSandbox('kept'), await engine.startSandbox('loose')];
    assert.deepEqual(
      again.map(({ endpoints }) => endpoints[0]?.ipv4),
      ['10.41.0.2/24', '10.41.0.4/24'],
    );
    for (const sandbox of again) assert.equal(await world.ping(sandbox, '10.41.0.3'), true);
    await remove(kept, loose, heir);
  });

  test('may be that of one which is to replace it; only one of them runs', async () => {
    const wanting = { network: 'front', ipv4: '10.41.0.2' };
    await lab.sandbox('old', [wanting]);
    const made = await lab.sandbox('new', [wanting], { running: false });
    assert.equal(made.endpoints[0]?.ipv4, '10.41.0.2/24');
    const isTakenBy = (name: string) => ({
      code: 'address-taken',
      message: new RegExp(`already taken by endpoint ${name}`),
    });
    await assert.rejects(engine.startSandbox('new'), isTakenBy('old'));
    await engine.stopSandbox('old');
    const replaced = await engine.startSandbox('new');
    assert.equal(await world.ping(replaced, '10.41.0.1'), true);
    await engine.updateSandbox('new', { name: 'newer' });
    await assert.rejects(engine.startSandbox('old'), isTakenBy('newer'));
    engine = await lab.reopen();
    await assert.rejects(engine.startSandbox('old'), isTakenBy('newer'));
    await engine.removeSandbox('newer');
    await assert.rejects(lab.sandbox('thief', [wanting]), isTakenBy('old'));
    assert.equal((await engine.startSandbox('old')).endpoints[0]?.ipv4, '10.41.0.2/24');
    await engine.removeSandbox('old');
    const next = await lab.sandbox('next', ['front']);
    assert.equal(next.endpoints[0]?.ipv4, '10.41.0.2/24', 'nobody has it any more');
    await remove(next);
  });

  test('stays reserved, or leased, when the engine is opened again', async () => {
    const stopped = await lab.sandbox('stopped', [{ network: 'front', ipv4: '10.41.0.2' }]);
    const running = await lab.sandbox('running', ['front']);
    await engine.stopSandbox('stopped');
    engine = await lab.reopen();
    assert.equal(await world.ping(running, '10.41.0.1'), true, 'it never stopped');
    for (const ipv4 of ['10.41.0.2', '10.41.0.3'])
      await assert.rejects(lab.sandbox('thief', [{ network: 'front', ipv4 }]), isPontoonError('address-taken'));
    const next = await lab.sandbox('next', ['front']);
    assert.equal(next.endpoints[0]?.ipv4, '10.41.0.4/24');
    await remove(stopped, running, next);
    const last = await lab.sandbox('last', ['front']);
    assert.equal(last.endpoints[0]?.ipv4, '10.41.0.2/24', 'all are free again');
    await remove(last);
  });
});

describe('the default gateway', () => {
  test('is that of the first network by name, and moves when it goes', async () => {
    const one = await lab.sandbox('one', ['front']);
    await engine.attach('one', 'back');
    assert.deepEqual(await defaultRoutesOf(one), ['10.42.0.1 eth1', 'fd00:42::1 eth1']);
    await engine.detach('one', 'back');
    assert.deepEqual(await defaultRoutesOf(one), ['10.41.0.1 eth0', 'fd00:41::1 eth0']);
    assert.equal(await world.ping(one, '192.0.2.1'), true);
    await engine.detach('one', 'front');
    assert.deepEqual(await defaultRoutesOf(one), []);
    await remove(one);
  });

  test('is that of the highest priority, whoever comes when', async () => {
    const one = await lab.sandbox('one', [
      { network: 'front', gatewayPriority: 5 },
      { network: 'back', gatewayPriority: 10 },
    ]);
    assert.deepEqual(await defaultRoutesOf(one), ['10.42.0.1 eth1', 'fd00:42::1 eth1']);
    assert.deepEqual(
      one.endpoints.map(({ networkName, isGateway }) => [networkName, isGateway]),
      [
        ['back', true],
        ['front', false],
      ],
    );
    await engine.attach('one', 'bridge', { gatewayPriority: 7 });
    assert.deepEqual(await defaultRoutesOf(one), ['10.42.0.1 eth1', 'fd00:42::1 eth1']);
    await engine.detach('one', 'back');
    assert.deepEqual(await defaultRoutesOf(one), ['10.40.0.1 eth2', 'fd00:40::1 eth2']);
    await engine.attach('one', 'back', { gatewayPriority: -1 });
    assert.deepEqual(await defaultRoutesOf(one), ['10.40.0.1 eth2', 'fd00:40::1 eth2']);
    await remove(one);
  });

  test('is never that of an internal network', async () => {
    const one = await lab.sandbox('one', [{ network: 'inside', gatewayPriority: 100 }]);
    assert.deepEqual(await defaultRoutesOf(one), []);
    await engine.attach('one', 'front');
    assert.deepEqual(await defaultRoutesOf(one), ['10.41.0.1 eth1', 'fd00:41::1 eth1']);
    await engine.detach('one', 'front');
    assert.deepEqual(await defaultRoutesOf(one), []);
    await remove(one);
  });

  test('can be of two networks, one for each family', async () => {
    await engine.createNetwork({ name: 'four', subnets: [{ subnet: '10.44.0.0/24' }] });
    await engine.createNetwork({ name: 'six', ipv4: false, subnets: [{ subnet: 'fd00:46::/64' }] });
    const one = await lab.sandbox('one', ['four', 'six']);
    assert.deepEqual(await defaultRoutesOf(one), ['10.44.0.1 eth0', 'fd00:46::1 eth1']);
    assert.deepEqual(
      one.endpoints.map(({ isGateway }) => isGateway),
      [true, true],
    );
    await engine.detach('one', 'six');
    assert.deepEqual(await defaultRoutesOf(one), ['10.44.0.1 eth0']);
    await remove(one);
    for (const name of ['four', 'six']) await engine.removeNetwork(name);
  });
});

describe('a new endpoint', () => {
  test('announces itself to its neighbours, by gratuitous ARP and an unsolicited advertisement', async () => {
    const watcher = await lab.sandbox('watcher', ['front']);
    await engine.settled();
    await using frames = watchFrames(watcher, 'eth0');
    const one = await lab.sandbox('one', [{ network: 'front', mac: '02:00:00:00:00:07' }]);
    await engine.settled();
    const [{ ipv4, ipv6 } = {}] = one.endpoints;
    await frames.until(
      ({ arp }) => arp?.sender === bare(ipv4) && arp.target === bare(ipv4) && arp.mac === '02:00:00:00:00:07',
    );
    await frames.until(
      ({ advertisement }) => advertisement?.target === bare(ipv6) && advertisement.mac === '02:00:00:00:00:07',
    );
    await remove(one, watcher);
  });

  test('takes over the address of a former one in the memory of its neighbours', async () => {
    const watcher = await lab.sandbox('watcher', ['front']);
    const spec = { network: 'front', ipv4: '10.41.0.9', ipv6: 'fd00:41::9' };
    const former = await lab.sandbox('former', [{ ...spec, mac: '02:00:00:00:00:01' }]);
    serveWeb(former, 'former');
    for (const url of ['http://10.41.0.9/', 'http://[fd00:41::9]/'])
      assert.match(String(await lab.get(watcher, url)), /^former saw /);
    await remove(former);
    const latter = await lab.sandbox('latter', [{ ...spec, mac: '02:00:00:00:00:02' }]);
    serveWeb(latter, 'latter');
    await engine.settled();
    for (const url of ['http://10.41.0.9/', 'http://[fd00:41::9]/'])
      assert.match(String(await lab.get(watcher, url)), /^latter saw /);
    assert.match(await lab.sh(watcher, 'ip neigh show 10.41.0.9'), /02:00:00:00:00:02/);
    await remove(latter, watcher);
  });
});

describe('an interface of an endpoint', () => {
  const logging = 'net.ipv4.conf.IFNAME.log_martians';

  test('has settings of its own, also when it is made again', async () => {
    const spec = { interfaceName: 'lan.5', sysctls: { [logging]: '1', 'net.ipv6.conf.IFNAME.hop_limit': '33' } };
    const web = await lab.sandbox('web', [{ network: 'front', ...spec }, 'back']);
    const read = () =>
      lab.sh(
        web,
        'cd /proc/sys/net; cat ipv4/conf/lan.5/log_martians ipv4/conf/eth0/log_martians ipv6/conf/lan.5/hop_limit',
      );
    assert.equal(await read(), '1\n0\n33');
    assert.deepEqual(web.endpoints.find(({ networkName }) => networkName === 'front')?.sysctls, spec.sysctls);
    await lab.sh(web, 'echo 0 > /proc/sys/net/ipv4/conf/lan.5/log_martians');
    assert.deepEqual((await engine.reconcile()).repaired, [`lan.5 of web: ${logging} 0 → 1`]);
    assert.equal(await read(), '1\n0\n33');
    await lab.sh(web, 'ip link delete lan.5');
    await engine.reconcile();
    assert.equal(await read(), '1\n0\n33');
    await remove(web);
  });

  test('has no settings that are not of interfaces, or that this kernel does not know', async () => {
    for (const [sysctls, code] of [
      [{ 'net.ipv4.ip_forward': '0' }, 'bad-value'],
      [{ 'net.ipv4.conf.eth0.log_martians': '1' }, 'bad-value'],
      [{ 'net.ipv4.conf.IFNAME.nonsense': '1' }, 'bad-value'],
      [{ [logging]: 'maybe' }, 'bad-value'],
    ] as const) {
      await assert.rejects(lab.sandbox('web', [{ network: 'front', sysctls }]), isPontoonError(code));
    }
    assert.deepEqual(engine.listSandboxes(), []);
    assert.deepEqual(await engine.reconcile(), { repaired: [], removed: [], failed: [] });
  });

  test('has link-local addresses on top', async () => {
    const linkLocal = ['169.254.7.7', 'fe80::7'];
    const web = await lab.sandbox('web', [{ network: 'front', linkLocal }]);
    const text = await lab.sh(web, 'ip -o address show eth0');
    for (const address of ['169.254.7.7/16', 'fe80::7/64']) assert.ok(text.includes(` ${address} `), text);
    const peer = await lab.sandbox('peer', [{ network: 'front', linkLocal: ['169.254.7.8'] }]);
    assert.equal(await world.ping(peer, '169.254.7.7'), true);
    assert.deepEqual(await engine.reconcile(), { repaired: [], removed: [], failed: [] });
    await lab.sh(web, 'ip address delete 169.254.7.7/16 dev eth0; ip address delete fe80::7/64 dev eth0');
    assert.equal((await engine.reconcile()).repaired.length, 2);
    await remove(web, peer);
    await assert.rejects(
      lab.sandbox('web', [{ network: 'front', linkLocal: ['10.1.1.1'] }]),
      isPontoonError('bad-address'),
    );
  });
});

/** An address without its prefix length. */
function bare(address: string | undefined): string {
  return String(address).replace(/\/.*/, '');
}
