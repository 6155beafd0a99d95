/**
 * @module Isolation: what endpoints must not reach, and must not be reached from, whatever routes somebody adds.
 *
 * All of it twice: without netfilter on bridged frames (br_netfilter), and with it.
 */

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { before, describe, test } from 'node:test';
import { writeSysctl } from '../../src/kernel/sysctl.ts';
import { ADDRESSES, askUdp, openLab, type Place, serveUdp, serveWeb } from '../support/lab.ts';

const SUBNETS = (number: number) => [{ subnet: `10.${number}.0.0/24` }, { subnet: `fd00:${number}::/64` }];

const lab = await openLab({ defaultNetwork: { subnets: SUBNETS(40) } });
const { engine, world, get } = lab;
const { host, lan, outside } = ADDRESSES;

// Somebody else's rules, which are to be the same in the end.
const FOREIGN = `
  table ip filter { chain FORWARD { type filter hook forward priority filter; policy accept; counter; ip saddr 1.2.3.4 drop; }; }
  table inet somebody { set s { type ipv4_addr; elements = { 1.2.3.4 }; }; chain c { type nat hook postrouting priority 90; ip saddr @s masquerade; }; }`;
await lab.sh('host', `nft '${FOREIGN}'`);
const foreignBefore = await foreignRules();

await engine.createNetwork({ name: 'other', subnets: SUBNETS(41) });
await engine.createNetwork({ name: 'quiet', icc: false, subnets: SUBNETS(42) });
await engine.createNetwork({ name: 'inside', internal: true, subnets: SUBNETS(43) });
await engine.createNetwork({ name: 'insideToo', internal: true, subnets: SUBNETS(44) });
await engine.createNetwork({ name: 'routed', masquerade: false, subnets: SUBNETS(45) });

const web = await lab.sandbox('web', [{ network: 'bridge', ports: [{ port: 80, hostPort: 8080 }] }]);
const friend = await lab.sandbox('friend', ['bridge']);
const stranger = await lab.sandbox('stranger', ['other']);
const hermit = await lab.sandbox('hermit', ['quiet']);
const secondHermit = await lab.sandbox('secondHermit', ['quiet']);
const prisoner = await lab.sandbox('prisoner', ['inside']);
const cellmate = await lab.sandbox('cellmate', ['inside']);
const otherPrisoner = await lab.sandbox('otherPrisoner', ['insideToo']);
const routed = await lab.sandbox('routed', ['routed']);
const everybody = { web, friend, stranger, hermit, secondHermit, prisoner, cellmate, otherPrisoner, routed };
for (const sandbox of Object.values(everybody)) {
  serveWeb(sandbox, sandbox.name);
  serveUdp(sandbox, sandbox.name);
}
serveWeb(world.lan, 'outside', { port: 8000 });

/** The addresses of a sandbox's only endpoint. */
function addressesOf(sandbox: keyof typeof everybody): { ipv4: string; ipv6: string } {
  const [endpoint] = everybody[sandbox].endpoints;
  return { ipv4: endpoint!.ipv4!.replace(/\/.*/, ''), ipv6: endpoint!.ipv6!.replace(/\/.*/, '') };
}

/** Asserts that nothing of a sandbox answers: no ping, no TCP, no UDP, of either family. */
async function blocked(place: Place, sandbox: keyof typeof everybody): Promise<void> {
  const { ipv4, ipv6 } = addressesOf(sandbox);
  const answers = await Promise.all([
    ...[ipv4, ipv6].map((address) => world.ping(place, address)),
    ...[`http://${ipv4}/`, `http://[${ipv6}]/`].map((url) => get(place, url)),
    ...[ipv4, ipv6].map((address) => askUdp(place, address, 53)),
  ]);
  assert.deepEqual(answers, [false, false, undefined, undefined, undefined, undefined], `to ${sandbox}`);
}

/** Asserts that all of a sandbox answers. */
async function open(place: Place, sandbox: keyof typeof everybody): Promise<void> {
  const { ipv4, ipv6 } = addressesOf(sandbox);
  const answers = await Promise.all([
    ...[ipv4, ipv6].map(async (address) => String(await world.ping(place, address))),
    ...[`http://${ipv4}/`, `http://[${ipv6}]/`].map((url) => get(place, url)),
    ...[ipv4, ipv6].map((address) => askUdp(place, address, 53)),
  ]);
  assert.deepEqual(answers.slice(0, 2), ['true', 'true'], `ping ${sandbox}`);
  for (const answer of answers.slice(2)) assert.match(String(answer), new RegExp(`^${sandbox} saw `));
}

/** Routes of a place for the time of a test: destinations and gateways. */
async function withRoutes(
  place: Place,
  routes: readonly (readonly [to: string, via: string])[],
): Promise<AsyncDisposable> {
  const change = (verb: string): Promise<string> =>
    lab.sh(
      place,
      routes.map(([to, via]) => `ip ${via.includes(':') ? '-6 ' : ''}route ${verb} ${to} via ${via}`).join('; '),
    );
  await change('add');
  return { [Symbol.asyncDispose]: async () => void (await change('delete')) };
}

/** Lets the LAN send straight to the networks, by way of the host. */
function withRoutesFromLan(): Promise<AsyncDisposable> {
  const routes = [40, 41, 42, 43, 44, 45].flatMap((number) => [
    [`10.${number}.0.0/24`, host.ipv4] as const,
    [`fd00:${number}::/64`, host.ipv6] as const,
  ]);
  return withRoutes(world.lan, routes);
}

function foreignRules(): Promise<string> {
  return lab.sh(
    'host',
    'nft -s list table ip filter; nft -s list table inet somebody; nft -s list tables | grep -v pontoon',
  );
}

const HAS_BRIDGE_NETFILTER = existsSync('/proc/sys/net/bridge/bridge-nf-call-iptables');

test('nobody on a network passes for the host itself', async () => {
  await lab.sh(
    'host',
    `sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.pontoon0.rp_filter=0;
   nft 'table ip seen { chain c { type filter hook input priority 0; iifname != "lo" ip saddr 127.0.0.0/8 counter; }; }'`,
  );
  const gateway = '10.40.0.1';
  await lab.sh(web, 'sysctl -qw net.ipv4.conf.all.route_localnet=1; ip address add 127.0.0.2/8 dev eth0');
  await lab.sh(web, `ping -c 1 -W 1 -I 127.0.0.2 ${gateway} || true`);
  const seen = await lab.sh('host', 'nft list table ip seen; nft delete table ip seen');
  assert.match(seen, /counter packets 0 /);
  await lab.sh(web, 'ip address delete 127.0.0.2/8 dev eth0');
});

for (const filtering of [false, true]) {
  const skip = filtering && !HAS_BRIDGE_NETFILTER ? 'this kernel has no br_netfilter' : false;
  describe(`${filtering ? 'with' : 'without'} netfilter on bridged frames`, { skip }, () => {
    before(() => {
      if (!HAS_BRIDGE_NETFILTER) return;
      for (const family of ['iptables', 'ip6tables'])
        writeSysctl(`net.bridge.bridge-nf-call-${family}`, Number(filtering));
    });

    test('neighbours on a network reach each other, on all ports', async () => {
      await open(friend, 'web');
      await open(cellmate, 'prisoner');
      await open('host', 'web');
    });

    test('two networks do not reach each other', async () => {
      await Promise.all([
        blocked(stranger, 'web'),
        blocked(web, 'stranger'),
        blocked(web, 'hermit'),
        blocked(web, 'routed'),
        blocked(routed, 'web'),
        blocked(web, 'prisoner'),
      ]);
    });

    test('the LAN does not reach unpublished ports, even with a route', async () => {
      await using _routes = await withRoutesFromLan();
      const each = ['web', 'stranger', 'hermit', 'prisoner', 'routed'] as const;
      await Promise.all(each.map((sandbox) => blocked(world.lan, sandbox)));
      assert.equal(await get(world.lan, `http://${host.ipv4}:8080/`), `web saw ${lan.ipv4}`, 'but the published one');
    });

    test('what endpoints ask from the outside is answered', async () => {
      for (const place of [web, stranger, hermit]) {
        assert.equal(await world.ping(place, outside.ipv4), true);
        assert.equal(await world.ping(place, outside.ipv6), true);
      }
    });

    test("the outside sees the host's address, and the endpoint's own without masquerade", async () => {
      const urls = [`http://${outside.ipv4}:8000/`, `http://[${outside.ipv6}]:8000/`];
      const seen = (place: Place) => Promise.all(urls.map((url) => get(place, url)));
      const masqueraded = [`outside saw ${host.ipv4}`, `outside saw ${host.ipv6}`];
      assert.deepEqual(await seen(web), masqueraded);
      assert.deepEqual(await seen(hermit), masqueraded);
      assert.deepEqual(await seen(routed), [undefined, undefined], 'nobody knows the way back');
      await using _routes = await withRoutesFromLan();
      const { ipv4, ipv6 } = addressesOf('routed');
      assert.deepEqual(await seen(routed), [`outside saw ${ipv4}`, `outside saw ${ipv6}`]);
      assert.deepEqual(await seen(web), masqueraded);
    });

    describe('an internal network', () => {
      test('reaches its gateway, and nothing beyond, even with a route', async () => {
        assert.equal(await lab.sh(prisoner, 'ip route show default; ip -6 route show default'), '');
        await using _out = await withRoutes(prisoner, [
          ['default', '10.43.0.1'],
          ['default', 'fd00:43::1'],
        ]);
        await using _back = await withRoutesFromLan();
        assert.deepEqual(
          await Promise.all(['10.43.0.1', 'fd00:43::1'].map((gateway) => world.ping(prisoner, gateway))),
          [true, true],
        );
        const targets = [lan.ipv4, lan.ipv6, outside.ipv4, outside.ipv6];
        const pings = await Promise.all(targets.map((target) => world.ping(prisoner, target)));
        assert.deepEqual(pings, [false, false, false, false]);
        await Promise.all([blocked(prisoner, 'web'), blocked(prisoner, 'otherPrisoner')]);
      });

      test('is reached from the host and from nowhere else', async () => {
        await open('host', 'prisoner');
        await Promise.all([blocked(web, 'prisoner'), blocked(otherPrisoner, 'prisoner')]);
      });
    });

    describe('a network whose endpoints may not talk', () => {
      test('keeps them apart directly', async () => {
        await Promise.all([blocked(hermit, 'secondHermit'), blocked(secondHermit, 'hermit')]);
        const address = addressesOf('secondHermit').ipv4;
        assert.match(
          await lab.sh(hermit, `ip neigh show ${address}`),
          /FAILED|INCOMPLETE/,
          'not even ARP gets through',
        );
      });

      test('keeps them apart by way of the gateway', async () => {
        const byGateway = (sandbox: 'hermit' | 'secondHermit') =>
          [
            [addressesOf(sandbox).ipv4, '10.42.0.1'],
            [addressesOf(sandbox).ipv6, 'fd00:42::1'],
          ] as const;
        await using _there = await withRoutes(hermit, byGateway('secondHermit'));
        await using _back = await withRoutes(secondHermit, byGateway('hermit'));
        await blocked(hermit, 'secondHermit');
      });

      test('lets them reach their gateway, the host and the outside', async () => {
        for (const address of ['10.42.0.1', 'fd00:42::1', host.ipv4, host.ipv6, outside.ipv4, outside.ipv6])
          assert.equal(await world.ping(hermit, address), true, address);
        await open('host', 'hermit');
      });

      test('keeps its ports isolated in the kernel', async () => {
        const isolated = (sandbox: keyof typeof everybody) =>
          lab.sh(
            'host',
            `bridge -d link show dev ${everybody[sandbox].endpoints[0]?.hostInterface} | grep -o "isolated o[nf]*"`,
          );
        assert.deepEqual(
          [await isolated('hermit'), await isolated('secondHermit'), await isolated('web')],
          ['isolated on', 'isolated on', 'isolated off'],
        );
      });
    });
  });
}

test("somebody else's rules are as they were, with and without the engine's networks", async () => {
  assert.equal(await foreignRules(), foreignBefore);
  await engine.reconcile();
  for (const { id } of engine.listSandboxes()) await engine.removeSandbox(id);
  await engine.pruneNetworks();
  assert.equal(await foreignRules(), foreignBefore);
  assert.equal(await lab.sh('host', 'nft list tables | grep pontoon'), 'table inet pontoon', 'there is one of ours');
});
