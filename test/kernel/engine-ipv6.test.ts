/**
 * @module IPv6 alone: a network without IPv4 reaches, is reached, and has names, like any other.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Prefix } from '../../src/ipam/prefix.ts';
import { ask } from '../support/dns.ts';
import { ADDRESSES, askUdp, openLab, serveUdp, serveWeb } from '../support/lab.ts';

const lab = await openLab({ defaultNetwork: { ipv4: false } });
const { engine, world, get, sh } = lab;
const { host, lan, outside } = ADDRESSES;

const network = engine.inspectNetwork('bridge');
const [{ subnet, gateway } = { subnet: '', gateway: '' }] = network.subnets;
const base = subnet.replace(/::\/64$/, '');
const web = await lab.sandbox('web', [
  {
    network: 'bridge',
    aliases: ['www'],
    ports: [
      { port: 80, hostPort: 8080 },
      { port: 53, hostPort: 5300, protocol: 'udp' },
      { port: [7000, 7009], hostPort: [7000, 7009] },
    ],
  },
]);
const client = await lab.sandbox('client', ['bridge']);
serveWeb(web, 'web');
serveWeb(web, 'ranged', { port: 7005 });
serveUdp(web, 'web');
serveWeb(world.lan, 'outside', { port: 8000 });

test('its subnet is a unique local one, and there is no IPv4 on it', async () => {
  assert.match(subnet, /^fd[0-9a-f]{2}:[0-9a-f:]+::\/64$/);
  assert.equal(gateway, `${base}::1`);
  const [endpoint] = web.endpoints;
  assert.equal(endpoint?.ipv4, undefined);
  assert.equal(endpoint?.ipv6, `${base}::2/64`);
  assert.doesNotMatch(await sh(web, 'ip -4 -o address show dev eth0; ip -4 route'), /./);
  assert.match(await sh(web, 'ip -6 route show default'), new RegExp(`^default via ${base}::1 dev eth0 `));
});

test('every engine has a unique local prefix of its own, and keeps it', async () => {
  const { subnets } = await engine.createNetwork({ name: 'next', ipv4: false });
  const site = (prefix: string | undefined) => Prefix.parse(String(prefix)).first.value >> 80n;
  assert.equal(site(subnets[0]?.subnet), site(subnet), 'the same 40 random bits');
  await engine.removeNetwork('next');
});

test('neighbours reach each other, by address and by name', async () => {
  assert.equal(await get(client, `http://[${base}::2]/`), `web saw ${base}::3`);
  assert.equal(await get(client, 'http://www/'), `web saw ${base}::3`);
  assert.deepEqual(await ask(client, 'web', 'A'), { rcode: 'NOERROR', data: [] });
  assert.deepEqual((await ask(client, 'web', 'AAAA'))?.data, [`${base}::2`]);
});

test("the outside is reached, and sees the host's address", async () => {
  assert.equal(await get(client, `http://[${outside.ipv6}]:8000/`), `outside saw ${host.ipv6}`);
});

test('published ports are reachable by IPv6 from everywhere', async () => {
  assert.equal(await get(world.lan, `http://[${host.ipv6}]:8080/`), `web saw ${lan.ipv6}`);
  assert.equal(await get(world.lan, `http://[${host.ipv6}]:7005/`), `ranged saw ${lan.ipv6}`);
  assert.equal(await askUdp(world.lan, host.ipv6, 5300), `web saw ${lan.ipv6}`);
  assert.equal(await get('host', `http://[${host.ipv6}]:8080/`), `web saw ${host.ipv6}`);
  assert.equal(await get('host', 'http://[::1]:8080/'), `web saw ${base}::1`);
  for (const place of [client, web]) assert.match(String(await get(place, `http://[${host.ipv6}]:8080/`)), /^web saw /);
});

test('published ports are not there for IPv4', async () => {
  const urls = [host.ipv4, '127.0.0.1'].map((address) => `http://${address}:8080/`);
  assert.deepEqual(await Promise.all(urls.map((url) => get('host', url))), [undefined, undefined]);
  assert.equal(await get(world.lan, urls[0]!), undefined);
});

test('unpublished ports are closed to the LAN, even with a route', async () => {
  await sh(world.lan, `ip -6 route add ${subnet} via ${host.ipv6}`);
  const [direct, ping] = await Promise.all([
    get(world.lan, `http://[${base}::2]/`),
    world.ping(world.lan, `${base}::2`),
  ]);
  assert.deepEqual([direct, ping], [undefined, false]);
});

test('endpoints take no router advertisement and no redirect for a way out', async () => {
  assert.equal(await sh(web, 'sysctl -n net.ipv6.conf.eth0.accept_ra'), '0');
  assert.equal((await sh(web, 'ip -6 route show default')).split('\n').length, 1);
});

test('the first packet to a new endpoint of a new network arrives', async () => {
  for (let round = 0; round < 3; round++) {
    await engine.createNetwork({ name: 'fresh', ipv4: false });
    const fresh = await lab.sandbox('fresh', [{ network: 'fresh', ports: [{ port: 80, hostPort: 8090 }] }]);
    using _server = serveWeb(fresh, 'fresh');
    assert.equal(await get(world.lan, `http://[${host.ipv6}]:8090/`), `fresh saw ${lan.ipv6}`);
    await engine.removeSandbox('fresh');
    await engine.removeNetwork('fresh');
  }
});
