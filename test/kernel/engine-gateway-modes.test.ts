/**
 * @module Gateway modes: how a network is reached from outside, and how it is seen there.
 */

import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { closeSockets, openBoundSocket } from '../../src/kernel/inet-socket.ts';
import { ADDRESSES, isPontoonError, openLab, type Place, serveWeb } from '../support/lab.ts';

const { host, lan, outside } = ADDRESSES;
const NOTHING = { repaired: [], removed: [], failed: [] };
const NETWORK = { subnets: [{ subnet: '10.80.0.0/24' }, { subnet: 'fd00:80::/64' }] };
const WEB = { ipv4: '10.80.0.2', ipv6: 'fd00:80::2' };

const lab = await openLab({ defaultNetwork: { subnets: [{ subnet: '10.40.0.0/24' }, { subnet: 'fd00:40::/64' }] } });
const { engine, world, get, sh } = lab;
const stranger = await lab.sandbox('stranger', ['bridge']);
// The neighbour knows the way to the endpoints: what is closed is closed in spite of that.
await sh(world.lan, `ip route add 10.80.0.0/24 via ${host.ipv4}; ip route add fd00:80::/64 via ${host.ipv6}`);
serveWeb(world.lan, 'outside', { port: 8000 });

afterEach(async () => {
  assert.deepEqual(await engine.reconcile(), NOTHING);
  for (const { name } of engine.listSandboxes()) if (name !== 'stranger') await engine.removeSandbox(name);
  await engine.pruneNetworks();
});

/** A sandbox with web servers on ports 80 and 81 on a network like this. */
async function serve(mode: Parameters<typeof engine.createNetwork>[0], ports: { port: number; hostPort?: number }[]) {
  await engine.createNetwork({ ...NETWORK, ...mode });
  const web = await lab.sandbox('web', [{ network: mode.name, ports }]);
  for (const port of [80, 81]) serveWeb(web, `${port}`, { port });
  return web;
}

/** What answers on a port of the endpoint's own addresses: [over IPv4, over IPv6]. */
async function direct(place: Place, port: number): Promise<(string | undefined)[]> {
  const urls = [`http://${WEB.ipv4}:${port}/`, `http://[${WEB.ipv6}]:${port}/`];
  return Promise.all(urls.map(async (url) => (await get(place, url))?.replace(/ saw .*/, '')));
}

/** As whom the outside sees a sandbox: [over IPv4, over IPv6]. */
async function seenOutside(place: Place): Promise<(string | undefined)[]> {
  const urls = [`http://${outside.ipv4}:8000/`, `http://[${outside.ipv6}]:8000/`];
  return Promise.all(urls.map(async (url) => (await get(place, url))?.replace('outside saw ', '')));
}

test('nat: only what is published is reached, at the host', async () => {
  const web = await serve({ name: 'net' }, [{ port: 80, hostPort: 8080 }]);
  for (const place of [world.lan, stranger]) assert.deepEqual(await direct(place, 80), [undefined, undefined]);
  assert.match(String(await get(world.lan, `http://${host.ipv4}:8080/`)), /^80/);
  assert.deepEqual(await seenOutside(web), [host.ipv4, host.ipv6]);
});

describe('routed', () => {
  const modes = { gatewayMode4: 'routed', gatewayMode6: 'routed' } as const;

  test('ports are published at the endpoint itself, and no host port is taken', async () => {
    const web = await serve({ name: 'net', ...modes }, [{ port: 80, hostPort: 8080 }]);
    for (const place of [world.lan, stranger]) {
      assert.deepEqual(await direct(place, 80), ['80', '80']);
      assert.deepEqual(await direct(place, 81), [undefined, undefined]);
      assert.equal(await world.ping(place, WEB.ipv4), true);
      assert.equal(await world.ping(place, WEB.ipv6), true);
    }
    assert.equal(await get(world.lan, `http://${host.ipv4}:8080/`), undefined);
    closeSockets([openBoundSocket('tcp', '0.0.0.0', 8080)]);
    assert.deepEqual(
      web.endpoints[0]?.ports.map(({ port, hostPort, hostAddress, direct }) => [port, hostPort, hostAddress, direct]),
      [
        [[80, 80], [0, 0], '0.0.0.0', true],
        [[80, 80], [0, 0], '::', true],
      ],
    );
  });

  test('nothing is translated on the way out', async () => {
    const web = await serve({ name: 'net', ...modes }, []);
    assert.deepEqual(await seenOutside(web), [WEB.ipv4, WEB.ipv6]);
  });

  test('ports open and close, live, and survive a stop', async () => {
    await serve({ name: 'net', ...modes }, []);
    await engine.publish('web', { port: [80, 81] });
    assert.deepEqual(await direct(world.lan, 81), ['81', '81']);
    await engine.unpublish('web', { port: 81 });
    assert.deepEqual(await direct(world.lan, 81), [undefined, undefined]);
    await engine.stopSandbox('web');
    serveWeb(await engine.startSandbox('web'), 'again');
    assert.deepEqual(await direct(world.lan, 80), ['again', 'again']);
  });

  test('one family may be routed, and the other translated', async () => {
    const web = await serve({ name: 'net', gatewayMode6: 'routed' }, [{ port: 80, hostPort: 8080 }]);
    assert.deepEqual(await direct(world.lan, 80), [undefined, '80']);
    assert.match(String(await get(world.lan, `http://${host.ipv4}:8080/`)), /^80/);
    assert.equal(await get(world.lan, `http://[${host.ipv6}]:8080/`), undefined);
    assert.deepEqual(await seenOutside(web), [host.ipv4, WEB.ipv6]);
  });
});

test('nat-unprotected: every port is open to who knows the way', async () => {
  const modes = { gatewayMode4: 'nat-unprotected', gatewayMode6: 'nat-unprotected' } as const;
  const web = await serve({ name: 'net', ...modes }, [{ port: 80, hostPort: 8080 }]);
  for (const place of [world.lan, stranger]) assert.deepEqual(await direct(place, 81), ['81', '81']);
  assert.match(String(await get(world.lan, `http://${host.ipv4}:8080/`)), new RegExp(`^80 saw ${lan.ipv4}$`));
  assert.deepEqual(await seenOutside(web), [host.ipv4, host.ipv6]);
});

test('published ports are reached directly from trusted interfaces, and from no others', async () => {
  const web = await serve({ name: 'net', trustedInterfaces: ['eth0', 'tun9'] }, [{ port: 80, hostPort: 8080 }]);
  assert.deepEqual(await direct(world.lan, 80), ['80', '80']);
  assert.deepEqual(await direct(world.lan, 81), [undefined, undefined], 'what is not published stays closed');
  assert.deepEqual(await direct(stranger, 80), [undefined, undefined]);
  assert.match(String(await get(world.lan, `http://${host.ipv4}:8080/`)), /^80/);
  await engine.publish('web', { port: [81, 89] });
  assert.deepEqual(await direct(world.lan, 81), ['81', '81']);
  await engine.unpublish('web', {});
  for (const port of [80, 81]) assert.deepEqual(await direct(world.lan, port), [undefined, undefined]);
  assert.deepEqual(await seenOutside(web), [host.ipv4, host.ipv6]);
});

test('isolated: the host has no part in the network', async () => {
  const modes = { internal: true, gatewayMode4: 'isolated', gatewayMode6: 'isolated' } as const;
  const web = await serve({ name: 'net', bridgeName: 'alone', ...modes }, []);
  const peer = await lab.sandbox('peer', ['net']);
  assert.deepEqual(await direct(peer, 80), ['80', '80']);
  assert.deepEqual(await direct('host', 80), [undefined, undefined]);
  assert.doesNotMatch(
    await sh('host', 'ip -br address show alone'),
    /\d\/\d/,
    'it has no address, not even a link-local one',
  );
  assert.equal(await world.ping(web, '10.80.0.1'), false);
  await assert.rejects(
    engine.createNetwork({ name: 'open', gatewayMode4: 'isolated' }),
    isPontoonError('bad-value'),
    'only internal ones can be',
  );
});

test('an inhibited bridge leaves the gateway address to others', async () => {
  const web = await serve({ name: 'net', bridgeName: 'plain', inhibitIpv4: true }, []);
  assert.match(await sh('host', 'ip -br address show plain scope global'), /fd00:80::1\/64/);
  assert.doesNotMatch(await sh('host', 'ip -br address show plain'), /10\.80/);
  assert.match(await sh(web, 'ip route'), /default via 10.80.0.1/);
});

test('masqueraded packets take the address that was chosen', async () => {
  await sh(
    'host',
    'ip address add 192.0.2.77/24 dev eth0; ip address add 2001:db8:1::77/64 dev eth0 nodad preferred_lft 0',
  );
  const web = await serve({ name: 'net', sourceAddress4: '192.0.2.77', sourceAddress6: '2001:db8:1::77' }, []);
  assert.deepEqual(await seenOutside(web), ['192.0.2.77', '2001:db8:1::77']);
  assert.deepEqual(await seenOutside(stranger), [host.ipv4, host.ipv6]);
  await sh('host', 'ip address del 192.0.2.77/24 dev eth0; ip address del 2001:db8:1::77/64 dev eth0');
  await assert.rejects(engine.createNetwork({ name: 'bad', sourceAddress4: '::1' }), isPontoonError('bad-address'));
});
