/**
 * @module The reconciler: each kind of damage is mended and named, and nothing else is touched.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { PontoonError } from '../../src/index.ts';
import { openBoundSocket, openOutgoingSocket } from '../../src/kernel/inet-socket.ts';
import { NetworkNamespace } from '../../src/kernel/namespace.ts';
import { type Damage, damages, prepareDamage } from '../support/damage.ts';
import { ask as askName } from '../support/dns.ts';
import { isFree } from '../support/kill-inventory.ts';
import { assertWell, NOTHING, openKillLab } from '../support/kill-lab.ts';
import { randomFrom } from '../support/kill-model.ts';
import { FOREIGN, ROOTS } from '../support/kill-operations.ts';
import { ADDRESSES, inside, openPlace, type Place } from '../support/lab.ts';
import { Watch } from '../support/watch.ts';

const PORTS = { tcp: [7000, 7009, 8000, 8001], udp: [] };
const ECHO_PORT = 8100;
const SETTINGS = ['net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding', 'net.ipv4.conf.br-dual.route_localnet'];

const lab = await openKillLab();
await prepareDamage(lab.engine);

test('where nothing is wrong, nothing is touched', async () => {
  using watch = new Watch(places());
  await watch.changes();
  assert.deepEqual(await lab.engine.reconcile(), NOTHING);
  assert.deepEqual(await watch.changes(), []);
});

test('what has just been attached is not touched either', async () => {
  await lab.engine.createSandbox({ name: 'new', endpoints: [{ network: 'dual' }, { network: 'lone' }] });
  assert.deepEqual(await lab.engine.reconcile(), NOTHING);
  await lab.engine.removeSandbox('new');
  assert.deepEqual(await lab.engine.reconcile(), NOTHING);
});

describe('mended, and nothing else touched:', () => {
  for (const [index, { name }] of damages(lab.engine).entries()) {
    test(name, async () => {
      const damage = damages(lab.engine)[index]!;
      const { repaired = [], removed = [], touched } = damage;
      await inflict(damage);
      using watch = new Watch(Object.fromEntries(Object.entries(places()).filter(([, place]) => isOpen(place))));
      await watch.changes();
      const report = await lab.engine.reconcile();
      const changes = await watch.changes();
      assert.deepEqual(report.failed, []);
      assert.deepEqual(report.repaired.toSorted(), repaired.toSorted());
      assert.deepEqual(report.removed, removed);
      const allowed = new Set(touched);
      assert.deepEqual(
        changes.filter((change) => !allowed.has(change)),
        [],
        'touched, but not damaged',
      );
      await assertAllWell(name);
    });
  }
});

test('what a container adds inside is its own', async () => {
  const { web } = places();
  const look = () => lab.sh(web, 'ip -o address show eth0 | sed "s/.*inet/inet/"; ip route; ip -6 route show default');
  const before = await look();
  await lab.sh(
    web,
    `ip address add 172.30.0.200/24 dev eth0; ip address add fd00:30::c8/64 dev eth0 nodad
     ip link add tun0 type veth peer name tun1; ip link set tun0 up; ip address add 10.200.0.2/24 dev tun0
     ip route replace default dev tun0; ip -6 route replace default via fd00:30::77 dev eth0`,
  );
  const added = await look();
  assert.deepEqual(await lab.engine.reconcile(), NOTHING);
  assert.equal(await look(), added);
  await lab.engine.attach('web', 'lone', { gatewayPriority: -1 });
  await lab.engine.detach('web', 'lone');
  await lab.engine.settled();
  assert.equal(await look(), added, 'nor does an attach change it that gives no default route');
  await lab.sh(
    web,
    `ip link delete tun0; ip address delete 172.30.0.200/24 dev eth0; ip address delete fd00:30::c8/64 dev eth0
     ip -6 route delete default`,
  );
  assert.equal((await lab.engine.reconcile()).repaired.length, 2, 'without any, the default routes are ours again');
  assert.equal(await look(), before);
});

test('a default route of its own outlives the endpoint that would give one', async () => {
  const { engine } = lab;
  const roamer = await engine.createSandbox({ name: 'roamer', endpoints: [{ network: 'lone' }] });
  await lab.sh(
    roamer,
    'ip link add tun0 type veth peer name tun1; ip link set tun0 up; ip route replace default dev tun0',
  );
  await engine.detach('roamer', 'lone');
  assert.match(await lab.sh(roamer, 'ip route show default'), /^default dev tun0/);
  await engine.removeSandbox('roamer');
});

test('established connections outlive the repair of other things', async () => {
  const { web, peer, lan } = places();
  using _server = serveEcho(web, ECHO_PORT);
  await lab.engine.publish('web', { port: ECHO_PORT, hostPort: ECHO_PORT });
  using inner = openEcho(peer, '172.30.0.2', ECHO_PORT);
  using outer = openEcho(lan, ADDRESSES.host.ipv4, ECHO_PORT);
  const unrelated = [
    'our table deleted',
    'a rule added',
    'forwarding off',
    'an isolated port let loose',
    'the macvlan deleted',
  ];
  for (const name of unrelated) {
    await inflict(damages(lab.engine).find((damage) => damage.name === name)!);
    await lab.engine.reconcile();
    assert.equal(await inner.say(name), name);
    assert.equal(await outer.say(name), name);
  }
  await lab.engine.unpublish('web', { hostPort: ECHO_PORT });
});

test('a sandbox whose namespace is gone is stopped, and those who share it', async () => {
  const { engine } = lab;
  NetworkNamespace.create(FOREIGN.path)[Symbol.dispose]();
  const ports = [{ port: 80, hostPort: 8200 }] as const;
  await engine.createSandbox({ name: 'guest', namespace: FOREIGN, endpoints: [{ network: 'dual', ports }] });
  await engine.createSandbox({ name: 'sharer', namespace: { sandbox: 'guest' } });
  assert.equal(isFree('tcp', 8200), false);
  NetworkNamespace.unpin(FOREIGN.path);
  const report = await engine.reconcile();
  assert.deepEqual(report, {
    repaired: [
      'sandbox guest: its namespace is gone, so it is stopped',
      'sandbox sharer: the one whose stack it shares is stopped, so it is stopped too',
    ],
    removed: [],
    failed: [],
  });
  await assertAllWell('the namespace is gone');
  assert.equal(isFree('tcp', 8200), true);
  assert.equal(engine.inspectSandbox('guest').endpoints[0]?.ipv4, undefined, 'its address is given back');
  NetworkNamespace.create(FOREIGN.path)[Symbol.dispose]();
  await engine.startSandbox('guest');
  await assertAllWell('started again');
  for (const name of ['sharer', 'guest']) await engine.removeSandbox(name);
  NetworkNamespace.unpin(FOREIGN.path);
});

test('rendered files are there again', async () => {
  const { files } = lab.engine.inspectSandbox('web');
  const before = Object.values(files).map((file) => readFileSync(file, 'utf8'));
  rmSync(dirname(files.hosts), { recursive: true });
  await lab.engine.reconcile();
  assert.deepEqual(
    Object.values(files).map((file) => readFileSync(file, 'utf8')),
    before,
  );
});

test('what cannot be mended is said, and stops nothing else', async () => {
  const { peer } = places();
  const directory = dirname(lab.engine.inspectSandbox('web').files.hosts);
  const stray = join(ROOTS.runRoot, 'netns', 'stray');
  rmSync(directory, { recursive: true });
  writeFileSync(directory, ''); // where its files should be
  mkdirSync(stray); // it cannot be unlinked
  const engine = await lab.reopen();
  assert.match(engine.opening.failed.join('\n'), /^namespace stray: .*\nsandbox web: ENOTDIR: .*$/);
  assert.deepEqual(lab.failures.splice(0), engine.opening.failed);
  assert.deepEqual((await askName(peer, 'peer'))?.data, ['172.30.0.3']);
  for (const path of [directory, stray]) rmSync(path, { recursive: true });
  await engine.reconcile();
  await assertAllWell('mended again');
});

const seed = Number(process.env.PONTOON_SEED ?? Math.floor(Math.random() * 2 ** 31));
test(`any damage together, seed ${seed}`, async () => {
  const random = randomFrom(seed);
  for (let round = 0; round < 15; round++) {
    const chosen = damages(lab.engine).filter(() => random() < 0.15);
    const context = `seed ${seed}, round ${round}: ${chosen.map(({ name }) => name).join(', ')}`;
    // One damage may take away what the next would damage.
    for (const damage of chosen) await inflict(damage).catch(() => {});
    const { failed } = await lab.engine.reconcile();
    assert.deepEqual(failed, [], context);
    await assertAllWell(context);
  }
});

function places() {
  const { engine, world } = lab;
  const [web, peer, apart] = ['web', 'peer', 'apart'].map((name) => engine.inspectSandbox(name));
  return { host: 'host', web: web!, peer: peer!, apart: apart!, lan: world.lan } as const;
}

function isOpen(place: Place): boolean {
  try {
    openPlace(place)[Symbol.dispose]();
    return true;
  } catch (error) {
    if (PontoonError.is(error, 'namespace-not-found')) return false;
    throw error;
  }
}

async function inflict({ where, command }: Damage): Promise<void> {
  await lab.sh(where === 'host' ? 'host' : lab.engine.inspectSandbox('web').namespacePath!, command);
}

async function assertAllWell(context: string): Promise<void> {
  await assertWell(lab, context, PORTS);
  assert.equal(await lab.sh('host', `sysctl -n ${SETTINGS.join(' ')}`), '1\n1\n1', context);
  const { web, peer } = places();
  assert.deepEqual((await askName(web, 'peer'))?.data, ['172.30.0.3'], context);
  assert.deepEqual((await askName(peer, 'web'))?.data, ['172.30.0.2'], context);
}

/** A server that says what it hears. */
function serveEcho(place: Place, port: number): Disposable {
  const server = createServer((socket) => socket.on('error', () => {}).pipe(socket));
  server.listen({ fd: inside(place, () => openBoundSocket('tcp', '0.0.0.0', port)) });
  return { [Symbol.dispose]: () => void server.close() };
}

/** One connection to it. */
function openEcho(place: Place, address: string, port: number) {
  const socket = new Socket({ fd: inside(place, () => openOutgoingSocket('tcp', address, port)) });
  return {
    async say(text: string): Promise<string> {
      socket.write(text);
      const [answer] = await once(socket, 'data', { signal: AbortSignal.timeout(10_000) });
      return String(answer);
    },
    [Symbol.dispose]: () => void socket.destroy(),
  };
}
