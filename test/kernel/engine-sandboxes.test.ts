/**
 * @module Sandboxes in new and existing namespaces, of processes, of the host, and shared; which of them go with which
 * networks.
 */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { ADDRESSES, isPontoonError, openLab, serveWeb } from '../support/lab.ts';

const lab = await openLab();
const { engine, world, get, sh } = lab;
const { host } = ADDRESSES;
const HOST_RESOLV_CONF = '/etc/resolv.conf'; // that of the world
await engine.createNetwork({ name: 'net', subnets: [{ subnet: '10.50.0.0/24' }] });
await engine.createNetwork({ name: 'net2', subnets: [{ subnet: '10.51.0.0/24' }] });
const neighbour = await lab.sandbox('neighbour', ['net']);
serveWeb(neighbour, 'neighbour');

const interfaces = async (place: Parameters<typeof sh>[0]): Promise<string[]> =>
  (JSON.parse(await sh(place, 'ip -json link')) as { ifname: string }[]).map(({ ifname }) => ifname);

/** A process in a network namespace of its own. */
async function startContainer() {
  const child = spawn('unshare', ['--net', 'sleep', '600']);
  const own = readlinkSync('/proc/self/ns/net');
  while (readlinkSync(`/proc/${child.pid}/ns/net`) === own) await new Promise((resolve) => setTimeout(resolve, 5));
  return {
    pid: child.pid!,
    path: `/proc/${child.pid}/ns/net`,
    async [Symbol.asyncDispose]() {
      const { promise, resolve } = Promise.withResolvers<void>();
      child.on('exit', resolve);
      child.kill('SIGKILL');
      await promise;
    },
  };
}

describe('a sandbox of its own', () => {
  test('has a new namespace with its loopback up, which goes with it', async () => {
    const sandbox = await lab.sandbox('own');
    assert.deepEqual(await interfaces(sandbox), ['lo']);
    assert.equal(await world.ping(sandbox, '127.0.0.1'), true);
    assert.equal(await world.ping(sandbox, '::1'), true);
    await engine.removeSandbox('own');
    assert.throws(() => statSync(sandbox.namespacePath!), { code: 'ENOENT' });
    assert.throws(() => statSync(sandbox.files.hosts), { code: 'ENOENT' });
  });

  test('is found by name, ID and the beginning of its ID', async () => {
    const id = 'ab'.repeat(32);
    const sandbox = await engine.createSandbox({ name: 'found', id, labels: { a: 'b' } });
    for (const ref of ['found', id, id.slice(0, 12)]) assert.deepEqual(engine.inspectSandbox(ref), sandbox);
    assert.deepEqual(sandbox.labels, { a: 'b' });
    await assert.rejects(engine.createSandbox({ name: 'found' }), isPontoonError('name-taken'));
    await assert.rejects(engine.createSandbox({ name: 'other', id }), isPontoonError('name-taken'));
    await engine.removeSandbox(id.slice(0, 12));
    assert.throws(() => engine.inspectSandbox('found'), isPontoonError('sandbox-not-found'));
  });

  test('ignores router advertisements and needs no duplicate detection', async () => {
    await engine.createNetwork({ name: 'six', ipv6: true });
    const sandbox = await lab.sandbox('own', ['six']);
    const settings = 'net.ipv6.conf.eth0.accept_ra net.ipv6.conf.eth0.accept_dad';
    assert.equal(await sh(sandbox, `sysctl -n ${settings} | tr "\\n" " "`), '0 0');
    await engine.removeSandbox('own');
    await engine.removeNetwork('six');
  });
});

describe('a sandbox in an existing namespace', () => {
  test('has the interface there, and takes only that away again', async () => {
    await sh('host', 'ip netns add given; ip -n given link add eth0 type veth peer name other');
    const sandbox = await lab.sandbox('given', ['net'], { namespace: { path: '/run/netns/given' } });
    assert.equal(sandbox.endpoints[0]?.interfaceName, 'eth1', 'eth0 is taken');
    assert.equal(await get('/run/netns/given', 'http://10.50.0.2/'), 'neighbour saw 10.50.0.3');
    assert.equal(sandbox.resolver, false);
    await engine.removeSandbox('given');
    await engine.settled();
    assert.deepEqual((await interfaces('/run/netns/given')).toSorted(), ['eth0', 'lo', 'other']);
    assert.equal(await sh('/run/netns/given', 'nft list tables; ip route'), '');
    await sh('host', 'ip netns del given');
  });

  test('may have a resolver, whose rules go again', async () => {
    await sh('host', 'ip netns add given');
    const sandbox = await lab.sandbox('given', ['net'], { namespace: { path: '/run/netns/given' }, resolver: true });
    assert.equal(await get(sandbox, 'http://neighbour/'), 'neighbour saw 10.50.0.3');
    await engine.removeSandbox('given');
    assert.equal(await sh('/run/netns/given', 'nft list tables'), '');
    await sh('host', 'ip netns del given');
  });

  test('leaves no socket there when its resolver cannot start', async () => {
    await sh('host', 'ip netns add given');
    await sh('/run/netns/given', 'ip link set lo up; sysctl -qw net.ipv4.ip_local_port_range="40000 40000"');
    using _server = serveWeb('/run/netns/given', 'taken', { port: 40_000 }); // the only port for its TCP socket
    const given = { namespace: { path: '/run/netns/given' }, resolver: true };
    const descriptors = () => readdirSync('/proc/self/fd').length;
    const before = descriptors();
    for (let round = 0; round < 3; round++) {
      await assert.rejects(lab.sandbox('given', ['net'], given), isPontoonError('kernel'));
    }
    assert.equal(descriptors(), before);
    await sh('host', 'ip netns del given');
  });

  test('stops, and gives back what it has, also with a macvlan of a fixed address', async () => {
    await engine.createNetwork({
      name: 'wire',
      driver: 'macvlan',
      parent: 'eth0',
      subnets: [{ subnet: '10.99.0.0/24' }, { subnet: 'fd00:99::/64' }],
    });
    await using container = await startContainer();
    const { id } = await lab.sandbox('fixed', [{ network: 'wire', ipv4: '10.99.0.9', ipv6: 'fd00:99::9' }, 'net'], {
      namespace: { pid: container.pid },
    });
    await engine.stopSandbox('fixed');
    await engine.settled(); // the other interface goes in the background
    assert.equal(await sh(container.path, 'ip route; ip -6 route show default'), '');
    assert.deepEqual(await interfaces(container.path), ['lo']);
    assert.equal(existsSync(join(engine.inspectSandbox('neighbour').namespacePath!, '..', id.slice(0, 12))), false);
    await lab.sandbox('next', [{ network: 'net', ipv4: '10.50.0.3' }]);
    for (const name of ['next', 'fixed']) await engine.removeSandbox(name);
    await engine.removeNetwork('wire');
  });

  test('is refused where there is none', async () => {
    for (const namespace of [{ path: '/run/netns/none' }, { path: '/etc/hosts' }, { pid: 4_000_000 }])
      await assert.rejects(lab.sandbox('lost', [], { namespace }), isPontoonError('namespace-not-found'));
    assert.throws(() => engine.inspectSandbox('lost'), isPontoonError('sandbox-not-found'));
  });
});

describe("a sandbox in a process's namespace", () => {
  test('is in that namespace, also when the process has ended', async () => {
    let path: string;
    {
      await using container = await startContainer();
      const sandbox = await lab.sandbox('process', ['net'], { namespace: { pid: container.pid } });
      assert.deepEqual(await interfaces(container.path), ['lo', 'eth0']);
      assert.equal(await get(container.path, 'http://10.50.0.2/'), 'neighbour saw 10.50.0.3');
      path = sandbox.namespacePath!;
    }
    assert.equal(await get(path, 'http://10.50.0.2/'), 'neighbour saw 10.50.0.3');
    await engine.attach('process', 'net2');
    assert.deepEqual(await interfaces(path), ['lo', 'eth0', 'eth1']);
    await engine.removeSandbox('process');
    assert.throws(() => statSync(path), { code: 'ENOENT' });
  });

  test("can be started again in another process's", async () => {
    await using first = await startContainer();
    await using second = await startContainer();
    await lab.sandbox('moving', [{ network: 'net', ipv4: '10.50.0.9' }], { namespace: { pid: first.pid } });
    await engine.stopSandbox('moving');
    await engine.settled();
    assert.deepEqual(await interfaces(first.path), ['lo']);
    await engine.startSandbox('moving', { pid: second.pid });
    assert.equal(await get(second.path, 'http://10.50.0.2/'), 'neighbour saw 10.50.0.9');
    await engine.removeSandbox('moving');
  });
});

describe("a sandbox in the host's namespace", () => {
  test('has what the host has', async () => {
    const sandbox = await lab.sandbox('hosted', ['host'], { namespace: 'host' });
    assert.equal(readlinkSync(sandbox.namespacePath!), readlinkSync('/proc/self/ns/net'));
    assert.deepEqual(await interfaces(sandbox), await interfaces('host'));
    using _server = serveWeb(sandbox, 'hosted', { port: 8088 });
    assert.equal(await get(world.lan, `http://${host.ipv4}:8088/`), `hosted saw ${ADDRESSES.lan.ipv4}`);
    const before = await interfaces('host');
    await engine.removeSandbox('hosted');
    assert.deepEqual(await interfaces('host'), before);
  });

  test("asks the host's name servers, also those that only the host reaches", async () => {
    const before = readFileSync(HOST_RESOLV_CONF, 'utf8');
    writeFileSync(HOST_RESOLV_CONF, 'nameserver 127.0.0.53\nnameserver fe80::1%eth0\n');
    const { files } = await lab.sandbox('hosted', ['host'], { namespace: 'host' });
    assert.match(readFileSync(files.resolvConf, 'utf8'), /^nameserver 127.0.0.53\nnameserver fe80::1%eth0\n/);
    writeFileSync(HOST_RESOLV_CONF, before);
    await engine.removeSandbox('hosted');
  });

  test('goes with the network host only, and host with it only', async () => {
    await assert.rejects(lab.sandbox('bad', ['net'], { namespace: 'host' }), isPontoonError('mode-conflict'));
    await assert.rejects(lab.sandbox('bad', ['host']), isPontoonError('mode-conflict'));
    await lab.sandbox('hosted', ['host'], { namespace: 'host' });
    await assert.rejects(engine.attach('hosted', 'net'), isPontoonError('mode-conflict'));
    await assert.rejects(engine.attach('neighbour', 'host'), isPontoonError('mode-conflict'));
    await engine.removeSandbox('hosted');
  });
});

describe('a sandbox on the network none', () => {
  test('has its loopback and nothing else', async () => {
    const sandbox = await lab.sandbox('lonely', ['none']);
    assert.deepEqual(await interfaces(sandbox), ['lo']);
    assert.equal(await world.ping(sandbox, '127.0.0.1'), true);
    assert.equal(await world.ping(sandbox, '10.50.0.2'), false);
    await assert.rejects(engine.attach('lonely', 'net'), isPontoonError('mode-conflict'));
    await engine.detach('lonely', 'none');
    await engine.attach('lonely', 'net');
    assert.equal(await world.ping(sandbox, '10.50.0.2'), true);
    await assert.rejects(engine.attach('lonely', 'none'), isPontoonError('mode-conflict'));
    await engine.removeSandbox('lonely');
  });

  test('cannot be asked for an address or a port', async () => {
    for (const more of [{ ipv4: '10.0.0.1' }, { mac: '02:00:00:00:00:01' }, { ports: [{ port: 80 }] }])
      await assert.rejects(lab.sandbox('bad', [{ network: 'none', ...more }]), isPontoonError('bad-value'));
  });
});

describe('a sandbox that shares the stack of another one', () => {
  test('is in the same namespace, with the same names', async () => {
    const owner = await lab.sandbox('owner', ['net'], { hostname: 'box' });
    const guest = await lab.sandbox('guest', [], { namespace: { sandbox: 'owner' } });
    assert.equal(statSync(guest.namespacePath!).ino, statSync(owner.namespacePath!).ino);
    using _server = serveWeb(owner, 'owner', { port: 81 });
    assert.equal(await get(guest, 'http://127.0.0.1:81/'), 'owner saw 127.0.0.1');
    assert.equal(await get(guest, 'http://neighbour/'), 'neighbour saw 10.50.0.3', 'it asks the same resolver');
    assert.equal(await get(guest, 'http://box:81/'), 'owner saw 10.50.0.3', 'it has the same /etc/hosts');
    for (const file of ['hosts', 'resolvConf', 'hostname'] as const)
      assert.equal(readFileSync(guest.files[file], 'utf8'), readFileSync(owner.files[file], 'utf8'));
    await engine.attach('owner', 'net2');
    assert.deepEqual(await interfaces(guest), ['lo', 'eth0', 'eth1']);
    assert.equal(readFileSync(guest.files.hosts, 'utf8'), readFileSync(owner.files.hosts, 'utf8'));
    await engine.removeSandbox('guest');
    assert.equal(await world.ping(owner, '10.50.0.2'), true, 'the owner keeps it all');
    await engine.removeSandbox('owner');
  });

  test('has no endpoints of its own, and its owner stays while it runs', async () => {
    await lab.sandbox('owner', ['net']);
    await lab.sandbox('guest', [], { namespace: { sandbox: 'owner' } });
    await assert.rejects(engine.attach('guest', 'net'), isPontoonError('mode-conflict'));
    await assert.rejects(engine.stopSandbox('owner'), isPontoonError('sandbox-in-use'));
    await assert.rejects(engine.removeSandbox('owner'), isPontoonError('sandbox-in-use'));
    await assert.rejects(
      lab.sandbox('lost', [], { namespace: { sandbox: 'nobody' } }),
      isPontoonError('sandbox-not-found'),
    );
    const second = await lab.sandbox('second', [], { namespace: { sandbox: 'guest' } });
    assert.equal(await world.ping(second, '10.50.0.2'), true, "a guest's guest is its owner's");
    for (const name of ['second', 'guest', 'owner']) await engine.removeSandbox(name);
  });
});
