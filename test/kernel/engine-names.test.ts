/**
 * @module Names: what a sandbox finds, by which names, over UDP and TCP, and what it does not find.
 */

import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { ask, serveNames } from '../support/dns.ts';
import { ADDRESSES, isPontoonError, openLab, type Place, serveUdp } from '../support/lab.ts';

const { lan, host } = ADDRESSES;
const HOST_RESOLV_CONF = '/etc/resolv.conf'; // that of the world
const lab = await openLab({ defaultNetwork: false });
const { engine, world, get, sh } = lab;

await engine.createNetwork({ name: 'dual', subnets: [{ subnet: '10.60.0.0/24' }, { subnet: 'fd00:60::/64' }] });
await engine.createNetwork({ name: 'four', subnets: [{ subnet: '10.61.0.0/24' }] });
await engine.createNetwork({ name: 'six', ipv4: false, subnets: [{ subnet: 'fd00:62::/64' }] });
await engine.createNetwork({ name: 'inside', internal: true, subnets: [{ subnet: '10.63.0.0/24' }] });

const web = await lab.sandbox('web', [{ network: 'dual', aliases: ['www', 'shared'] }], { hostname: 'webhost' });
const client = await lab.sandbox('client', ['dual']);
const old = await lab.sandbox('old', ['four']);
const modern = await lab.sandbox('modern', ['six']);

const answer = (...data: string[]) => ({ rcode: 'NOERROR', data });
const WEB = { ipv4: '10.60.0.2', ipv6: 'fd00:60::2' };

for (const protocol of ['udp', 'tcp'] as const) {
  describe(`over ${protocol}`, () => {
    const names = ['web', 'www', 'webhost', web.id.slice(0, 12)];
    test('a neighbour is found by name, alias, host name and short ID, each also with its network', async () => {
      for (const name of names.flatMap((name) => [name, `${name}.dual`, name.toUpperCase(), `${name}.`])) {
        assert.deepEqual(await ask(client, name, 'A', { protocol }), answer(WEB.ipv4), name);
        assert.deepEqual(await ask(client, name, 'AAAA', { protocol }), answer(WEB.ipv6), name);
      }
    });

    test('a family that a name has no address of is an empty answer', async () => {
      assert.deepEqual(await ask(old, 'old', 'AAAA', { protocol }), answer());
      assert.deepEqual(await ask(modern, 'modern', 'A', { protocol }), answer());
      assert.deepEqual(await ask(modern, 'modern', 'AAAA', { protocol }), answer('fd00:62::2'));
    });

    test('an address is found by reverse lookup', async () => {
      assert.deepEqual(await ask(client, '2.0.60.10.in-addr.arpa', 'PTR', { protocol }), answer('web.dual'));
      const nibbles = '2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.0.0.0.0.d.f.ip6.arpa';
      assert.deepEqual(await ask(client, nibbles, 'PTR', { protocol }), answer('web.dual'));
    });

    test('a sandbox finds itself', async () => {
      assert.deepEqual(await ask(web, 'web', 'A', { protocol }), answer(WEB.ipv4));
    });
  });
}

test("names end with the sandbox's networks", async () => {
  using server = serveNames(world.lan, lan.ipv4, '198.51.100.7');
  for (const name of ['web', 'web.dual', 'www', web.id.slice(0, 12)]) {
    const said = await ask(old, name);
    assert.notDeepEqual(said?.data, [WEB.ipv4], name);
    assert.equal(said?.data.includes(WEB.ipv4), false, name);
  }
  assert.notDeepEqual(await ask(old, '2.0.60.10.in-addr.arpa', 'PTR'), answer('web.dual'));
  await engine.attach('old', 'dual', { aliases: ['joined'] });
  assert.deepEqual(await ask(old, 'web'), answer(WEB.ipv4));
  assert.deepEqual(await ask(client, 'joined'), answer('10.60.0.4'));
  assert.deepEqual(await ask(client, 'old.dual'), answer('10.60.0.4'));
  assert.notDeepEqual(await ask(client, 'old.four'), answer('10.61.0.2'), 'the client is not on that network');
  await engine.detach('old', 'dual');
  assert.notDeepEqual(await ask(old, 'web'), answer(WEB.ipv4));
  assert.notDeepEqual(await ask(client, 'joined'), answer('10.60.0.4'), 'its names went with it');
  assert.ok(server.asked.length > 0);
});

test('a name on several networks is that of the network in question', async () => {
  await engine.attach('client', 'four');
  assert.deepEqual(await ask(old, 'client'), answer('10.61.0.3'));
  assert.deepEqual(await ask(web, 'client'), answer('10.60.0.3'));
  assert.deepEqual(await ask(client, 'client.four'), answer('10.61.0.3'));
  assert.deepEqual(await ask(client, 'client.dual'), answer('10.60.0.3'));
  await engine.detach('client', 'four');
});

test('a sandbox that is renamed is found by its new names, live', async () => {
  const { engine } = lab;
  const { id } = await lab.sandbox('first', ['four'], { hostname: 'firsthost' });
  const other = await lab.sandbox('other', ['four']);
  const address = engine.inspectSandbox('first').endpoints[0]!.ipv4!.split('/')[0]!;
  const renamed = await engine.updateSandbox('first', {
    name: 'new',
    hostname: 'newhost',
    extraHosts: [['printer', '10.9.9.9']],
  });
  assert.deepEqual([renamed.id, renamed.name, renamed.hostname], [id, 'new', 'newhost']);
  for (const name of ['new', 'newhost', id.slice(0, 12)]) assert.deepEqual((await ask(other, name))?.data, [address]);
  for (const name of ['first', 'firsthost']) assert.equal((await ask(other, name))?.data[0], undefined, name);
  assert.match(readFileSync(renamed.files.hosts, 'utf8'), new RegExp(`^10.9.9.9\tprinter\n${address}\tnewhost$`, 'm'));
  assert.equal(readFileSync(renamed.files.hostname, 'utf8'), 'newhost\n');
  await assert.rejects(engine.updateSandbox('new', { name: 'other' }), isPontoonError('name-taken'));
  await assert.rejects(engine.updateSandbox('new', { name: '-' }), isPontoonError('bad-name'));
  await assert.rejects(engine.updateSandbox('new', { extraHosts: [['a', 'b']] }), isPontoonError('bad-address'));
  await assert.rejects(
    lab.sandbox('third', [{ network: 'four', ipv4: address }]),
    /new /,
    'a conflict says the new name',
  );
  await lab.sandbox('first');
  for (const name of ['new', 'first', 'other']) await engine.removeSandbox(name);
});

test('an alias of several sandboxes goes round', async () => {
  const second = await lab.sandbox('second', [{ network: 'dual', aliases: ['shared'] }]);
  const address = second.endpoints[0]!.ipv4!.replace(/\/.*/, '');
  const both = [WEB.ipv4, address].toSorted();
  const first = new Set<string>();
  // The order is drawn: that one is never the first of 64 comes about once in 2^63 runs.
  for (let round = 0; round < 64; round++) {
    const said = await ask(client, 'shared');
    assert.deepEqual(said?.data.toSorted(), both);
    first.add(said.data[0]!);
  }
  assert.deepEqual([...first].toSorted(), both);
  await engine.stopSandbox('second');
  assert.deepEqual(await ask(client, 'shared'), answer(WEB.ipv4), 'a stopped one has no names');
  await engine.startSandbox('second');
  assert.equal((await ask(client, 'shared'))?.data.length, 2);
  await engine.removeSandbox('second');
  assert.deepEqual(await ask(client, 'shared'), answer(WEB.ipv4));
});

test('programs find names by the files of the sandbox', async () => {
  for (const [name, address] of [
    ['www', WEB.ipv4],
    ['client', '10.60.0.3'],
  ] as const)
    assert.match(await sh(client, `getent ahostsv4 ${name}`), new RegExp(`^${address}`, 'm'));
  assert.match(await sh(client, 'getent ahostsv6 www'), new RegExp(`^${WEB.ipv6}`, 'm'));
  await assert.rejects(sh(client, 'getent hosts old'));
});

test('the files of a sandbox say what it has', async () => {
  const custom = await lab.sandbox('custom', ['dual'], {
    hostname: 'box',
    domainname: 'example.org',
    dnsSearch: ['example.org', 'example.net'],
    dnsOptions: ['ndots:2', 'timeout:1'],
    dns: [lan.ipv4],
    extraHosts: [['printer', '192.0.2.50']],
  });
  const { ipv4, ipv6 } = custom.endpoints[0]!;
  const bare = (address: string | undefined) => String(address).replace(/\/.*/, '');
  const hosts = readFileSync(custom.files.hosts, 'utf8').split('\n');
  for (const line of [
    '127.0.0.1\tlocalhost',
    '192.0.2.50\tprinter',
    `${bare(ipv4)}\tbox.example.org box`,
    `${bare(ipv6)}\tbox.example.org box`,
  ])
    assert.ok(hosts.includes(line), line);
  const resolvConf = readFileSync(custom.files.resolvConf, 'utf8').split('\n');
  for (const line of ['nameserver 127.0.0.11', 'search example.org example.net', 'options ndots:2 timeout:1'])
    assert.ok(resolvConf.includes(line), line);
  assert.equal(readFileSync(custom.files.hostname, 'utf8'), 'box\n');

  await engine.attach('custom', 'four');
  assert.match(readFileSync(custom.files.hosts, 'utf8'), /^10\.61\.0\.3\tbox\.example\.org box$/m);
  await engine.detach('custom', 'four');
  assert.doesNotMatch(readFileSync(custom.files.hosts, 'utf8'), /10\.61\.0\.3/);
  assert.deepEqual(
    readFileSync(client.files.hostname, 'utf8'),
    `${client.id.slice(0, 12)}\n`,
    'without a host name it is the short ID',
  );
  assert.doesNotMatch(readFileSync(old.files.hosts, 'utf8'), /:/, 'no IPv6 line without IPv6');
  await engine.removeSandbox('custom');
});

test('what a container writes into its files stays, until it starts again', async () => {
  const { id, files } = await lab.sandbox('writer', ['dual']);
  const read = () => [files.hosts, files.resolvConf].map((file) => readFileSync(file, 'utf8'));
  const inodes = () => [files.hosts, files.resolvConf].map((file) => statSync(file).ino);
  const [before, mounted] = [read(), inodes()];
  appendFileSync(files.hosts, '192.0.2.60\tmine\n');
  writeFileSync(files.resolvConf, 'nameserver 192.0.2.61\n');
  const edited = read();
  await engine.reconcile();
  assert.deepEqual(read(), edited);
  await engine.attach('writer', 'four');
  const { ipv4 } = engine.inspectSandbox('writer').endpoints.find(({ networkName }) => networkName === 'four')!;
  const [hosts, resolvConf] = read();
  assert.ok(hosts?.endsWith(`${ipv4?.split('/')[0]}\t${id.slice(0, 12)}\n192.0.2.60\tmine\n`), hosts);
  assert.equal(resolvConf, edited[1]);
  await engine.detach('writer', 'four');
  assert.deepEqual(read(), edited);
  await engine.stopSandbox('writer');
  await engine.startSandbox('writer');
  assert.deepEqual(read(), before);
  assert.deepEqual(inodes(), mounted, 'a mount is of the file');
  await engine.removeSandbox('writer');
});

describe('other names', () => {
  for (const protocol of ['udp', 'tcp'] as const) {
    test(`are asked of the host's name server, over ${protocol}`, async () => {
      using server = serveNames(world.lan, lan.ipv4, '198.51.100.7');
      assert.deepEqual(await ask(client, 'example.org', 'A', { protocol }), answer('198.51.100.7'));
      assert.deepEqual(server.asked, ['example.org']);
      assert.deepEqual(await ask(client, 'web', 'A', { protocol }), answer(WEB.ipv4));
      assert.equal(server.asked.length, 1, 'names of our own are not');
    });
  }

  test('are asked of the next server when one fails or is not there', async () => {
    writeFileSync(
      HOST_RESOLV_CONF,
      `nameserver ${lan.ipv4}\nnameserver 192.0.2.99\nnameserver ${ADDRESSES.outside.ipv4}\n`,
    );
    using failing = serveNames(world.lan, lan.ipv4, 'SERVFAIL');
    using working = serveNames(world.lan, ADDRESSES.outside.ipv4, '198.51.100.7');
    const asker = await lab.sandbox('asker', ['four']);
    assert.deepEqual(await ask(asker, 'example.org'), answer('198.51.100.7'));
    assert.equal(failing.asked.length, 1);
    assert.equal(working.asked.length, 1);
    await engine.removeSandbox('asker');
    writeFileSync(HOST_RESOLV_CONF, `nameserver ${lan.ipv4}\n`);
  });

  test('are SERVFAIL when nobody answers', async () => {
    assert.equal((await ask(client, 'example.org'))?.rcode, 'SERVFAIL');
  });

  test("are asked of the sandbox's own servers, from inside the sandbox", async () => {
    const nameServer = await lab.sandbox('nameserver', [{ network: 'dual', ipv4: '10.60.0.53' }]);
    using server = serveNames(nameServer, '10.60.0.53', '198.51.100.8');
    using hostServer = serveNames(world.lan, lan.ipv4, '198.51.100.7');
    const asker = await lab.sandbox('asker', ['dual'], { dns: ['10.60.0.53', lan.ipv4] });
    assert.deepEqual(await ask(asker, 'example.org'), answer('198.51.100.8'));
    assert.deepEqual([server.asked.length, hostServer.asked.length], [1, 0]);
    await engine.removeSandbox('asker');
    await engine.removeSandbox('nameserver');
  });

  test('are not asked from an internal network', async () => {
    using server = serveNames(world.lan, lan.ipv4, '198.51.100.7');
    const prisoner = await lab.sandbox('prisoner', ['inside']);
    const cellmate = await lab.sandbox('cellmate', ['inside']);
    assert.deepEqual(await ask(prisoner, 'cellmate'), answer(cellmate.endpoints[0]!.ipv4!.replace(/\/.*/, '')));
    assert.notEqual((await ask(prisoner, 'example.org'))?.rcode, 'NOERROR');
    assert.deepEqual(server.asked, []);
    await engine.attach('prisoner', 'four');
    assert.deepEqual(await ask(prisoner, 'example.org'), answer('198.51.100.7'), 'they are when there is a way out');
    await engine.detach('prisoner', 'four');
    assert.notEqual((await ask(prisoner, 'example.org'))?.rcode, 'NOERROR');
    for (const name of ['prisoner', 'cellmate']) await engine.removeSandbox(name);
  });
});

describe('the resolver', () => {
  test('leaves port 53 to the sandbox', async () => {
    using _server = serveUdp(web, 'own server');
    const everywhere: [Place, string][] = [
      [client, WEB.ipv4],
      [web, '127.0.0.1'],
    ];
    for (const [place, server] of everywhere) {
      assert.match(
        await sh(place, `bash -c 'exec 3<>/dev/udp/${server}/53; echo >&3; timeout 5 head -c 10 <&3'`),
        /^own server/,
      );
    }
    assert.deepEqual(await ask(web, 'client'), answer('10.60.0.3'), 'and answers at 127.0.0.11 as before');
  });

  test('is there for the sandbox only', async () => {
    assert.equal(await ask('host', 'web', 'A', { limitMs: 300 }), undefined);
    const answered = await ask(client, 'web', 'A', { server: WEB.ipv4, limitMs: 300 });
    assert.equal(answered, undefined, "a neighbour's is not reachable");
  });

  test('answers again when the engine is opened again', async () => {
    const engine = await lab.reopen();
    assert.deepEqual(await ask(client, 'www'), answer(WEB.ipv4));
    assert.deepEqual(await ask(client, 'web', 'A', { protocol: 'tcp' }), answer(WEB.ipv4));
    assert.deepEqual(await ask(client, '2.0.60.10.in-addr.arpa', 'PTR'), answer('web.dual'));
    assert.equal(engine.listSandboxes().length, 4);
    assert.equal(await get(world.lan, `http://${host.ipv4}/`), undefined);
  });
});
