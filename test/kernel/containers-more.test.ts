/**
 * @module Containers: volumes, files in and out, health checks, updates, reboots, prune.
 */

import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { extract, pack } from 'tar-stream';
import { isAlive, listMonitors } from '../../src/container/monitors.ts';
import type { ContainerSpec } from '../../src/container/types.ts';
import { MNT_DETACH, mount, umount } from '../../src/kernel/ffi.ts';
import { assertNothingLeft, BUSYBOX, openContainerLab, readAll } from '../support/container-lab.ts';

const lab = await openContainerLab();
const STEADY: ContainerSpec = { image: BUSYBOX, command: ['sleep', '1000'], init: true };

async function inside(ref: string, command: string): Promise<string> {
  const { id } = await lab.containers.createExec(ref, { command: ['sh', '-c', command], stdout: true });
  return readAll((await lab.containers.startExec(id))!.stdout);
}

/** Where it never comes true, the test fails with what happened in the background. */
async function until(condition: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 60_000; !condition(); await sleep(20))
    assert.ok(Date.now() < deadline, lab.failures.join('\n'));
}

async function removeAll(): Promise<void> {
  for (const { id } of lab.containers.list()) await lab.containers.remove(id, { force: true, volumes: true });
  assertNothingLeft(lab);
}

test('volumes: filled from the image, kept, shared, read-only; binds; tmpfs', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'bind-'));
  writeFileSync(join(directory, 'file'), 'of the host\n');
  const first = await lab.run(
    'ls /etc/passwd; echo kept > /etc/own; cat /bound/file; echo x > /scratch/x; df -h /scratch | tail -1',
    {
      name: 'first',
      mounts: [
        { type: 'volume', source: 'etc', target: '/etc' },
        { type: 'volume', target: '/anonymous' },
        { type: 'bind', source: directory, target: '/bound', readOnly: true },
      ],
      tmpfs: { '/scratch': 'size=1m' },
    },
  );
  assert.match(first.stdout, /^\/etc\/passwd\nof the host\ntmpfs +1\.0M/);
  const second = await lab.run('cat /etc/own; echo y > /etc/own; ls -d /anonymous', { volumesFrom: ['first:ro'] });
  assert.equal(second.stdout, 'kept\n/anonymous\n');
  assert.match(second.stderr, /Read-only file system/);
  const { mounts } = lab.containers.find('first');
  assert.deepEqual(
    mounts.map(({ type, target, readOnly }) => [type, target, readOnly]),
    [
      ['volume', '/etc', false],
      ['volume', '/anonymous', false],
      ['bind', '/bound', true],
    ],
  );
  const missing = { type: 'bind', source: '/no/such', target: '/x' } as const;
  await assert.rejects(lab.run('true', { mounts: [missing] }), /bind source path does not exist: \/no\/such/);
  await removeAll();
  assert.deepEqual(
    lab.volumes.list().map(({ name }) => name),
    ['etc'],
  );
  await lab.volumes.remove('etc');
  rmSync(directory, { recursive: true });
});

test('a volume that was given to a container stays when it goes, also one without a name of its own', async () => {
  const { name } = await lab.volumes.create();
  await lab.run('true', { name: 'given', mounts: [{ type: 'volume', source: name, target: '/data' }] });
  await lab.run('true', { mounts: [{ type: 'volume', target: '/own' }], volumesFrom: ['given'] });
  await removeAll();
  assert.deepEqual(
    lab.volumes.list().map((volume) => volume.name),
    [name],
  );
  await lab.volumes.remove(name);
});

test('a container whose volume cannot be made is not made', async () => {
  const volumes = lab.volumes.list();
  const mounts = [
    { type: 'volume', target: '/good' },
    { type: 'volume', source: 'bad', target: '/bad', volumeOptions: { unknown: 'x' } },
  ] as const;
  await assert.rejects(lab.containers.create({ ...STEADY, name: 'unmade', mounts }), /invalid option: "unknown"/);
  assert.deepEqual(lab.containers.list(), []);
  assert.deepEqual(lab.volumes.list(), volumes);
  assertNothingLeft(lab);
  await lab.containers.create({ ...STEADY, name: 'unmade' });
  await removeAll();
});

test('read-only root, and what a container changed', async () => {
  const frozen = await lab.run('touch /file', { readOnlyRoot: true });
  assert.equal(frozen.exitCode, 1);
  const { id } = await lab.run('mkdir -p /new; echo 1234 > /new/file; rm /etc/passwd');
  const changes = await lab.containers.changes(id);
  assert.deepEqual(
    changes.map(({ path, kind }) => `${kind} ${path}`),
    ['modified /etc', 'deleted /etc/passwd', 'added /new', 'added /new/file'],
  );
  assert.equal((await lab.containers.sizes(lab.containers.find(id))).rwBytes, 5);
  await removeAll();
});

test('files in and out, running or not, in volumes too', async () => {
  const mounts = [{ type: 'volume', target: '/data' }] as const;
  const { id } = await lab.containers.create({ ...STEADY, mounts });
  const put = async (path: string, name: string, text: string): Promise<void> => {
    const tar = pack();
    tar.entry({ name }, text);
    tar.finalize();
    await lab.containers.writeArchive(id, path, Readable.from(tar));
  };
  const get = async (path: string): Promise<string> => {
    const tar = (await lab.containers.readArchive(id, path)).pipe(extract());
    const texts: string[] = [];
    for await (const entry of tar) texts.push(await readAll(entry as never));
    return texts.join('');
  };
  await put('/tmp', 'a', 'before');
  await put('/data', 'b', 'volume');
  assert.equal(await get('/tmp/a'), 'before');
  await lab.containers.start(id);
  assert.equal(await inside(id, 'cat /tmp/a /data/b'), 'beforevolume');
  await put('/data', 'c', 'running');
  assert.equal(await inside(id, 'cat /data/c'), 'running');
  assert.equal(await get('/data/b'), 'volume');
  assert.equal((await lab.containers.statPath(id, '/data/c')).sizeBytes, 7);
  await assert.rejects(lab.containers.readArchive(id, '/no/such'), { code: 'path-not-found' });
  await lab.containers.stop(id);
  assert.equal(await get('/data/c'), 'running');
  await removeAll();
});

test('one that does not run has its mounts for whoever copies', async () => {
  const { containers } = lab;
  const directory = mkdtempSync(join(tmpdir(), 'bind-'));
  writeFileSync(join(directory, 'file'), 'of the host');
  const { id } = await containers.create({
    ...STEADY,
    mounts: [
      { type: 'volume', target: '/srv/db/data' },
      { type: 'bind', source: directory, target: '/bound', readOnly: true },
      { type: 'bind', source: join(directory, 'file'), target: '/new/file' },
    ],
  });
  const namesOf = async (path: string): Promise<string[]> => {
    const names: string[] = [];
    const tar = (await containers.readArchive(id, path)).pipe(extract());
    for await (const entry of tar) {
      names.push(entry.header.name);
      entry.resume();
    }
    return names;
  };
  const put = (path: string, ref = id) => {
    const tar = pack();
    tar.entry({ name: 'x' }, 'x');
    tar.finalize();
    return containers.writeArchive(ref, path, Readable.from(tar));
  };
  await put('/srv/db/data');
  assert.deepEqual(await namesOf('/srv/db'), ['db/', 'db/data/', 'db/data/x']);
  assert.deepEqual(await namesOf('/srv/db/data'), ['data/', 'data/x']);
  assert.deepEqual(await namesOf('/new/file'), ['file']);
  assert.equal((await containers.statPath(id, '/bound')).name, 'bound');
  assert.ok((await namesOf('/.')).every((name) => name.startsWith('./')));
  await assert.rejects(put('/bound'), { code: 'mode-conflict' });
  assert.deepEqual(readdirSync(directory), ['file']);
  const tar = (await containers.export(id)).pipe(extract());
  for await (const entry of tar) {
    assert.ok(!entry.header.name.startsWith('bound/f'), entry.header.name);
    entry.resume();
  }
  const foreign = pack();
  foreign.entry({ name: 'y', uid: 7, gid: 7 }, 'y');
  foreign.finalize();
  await containers.create({ ...STEADY, name: 'nobody', user: '65534:5' });
  await containers.writeArchive('nobody', '/tmp', Readable.from(foreign), { ownedByUser: true });
  const written = (await containers.readArchive('nobody', '/tmp/y')).pipe(extract());
  for await (const { header } of written) assert.deepEqual([header.uid, header.gid], [65534, 5]);
  await containers.start(id);
  assert.equal(await inside(id, 'cat /bound/file /new/file /srv/db/data/x'), 'of the hostof the hostx');
  await containers.create({ ...STEADY, name: 'frozen', readOnlyRoot: true });
  await assert.rejects(put('/etc', 'frozen'), { code: 'mode-conflict' });
  await removeAll();
  rmSync(directory, { recursive: true });
});

test('health: starting, healthy, unhealthy, and healthy again', async () => {
  const { containers, events } = lab;
  const healthcheck = { test: ['CMD-SHELL', 'cat /healthy'], intervalNs: 50e6, retries: 2 };
  const { id } = await containers.create({
    ...STEADY,
    command: ['sh', '-c', 'touch /healthy; sleep 1000'],
    healthcheck,
  });
  const untilHealth = (status: string) => until(() => containers.find(id).state.health?.status === status);
  await containers.start(id);
  assert.equal(containers.find(id).state.health?.status, 'starting');
  await untilHealth('healthy');
  await inside(id, 'rm /healthy');
  await untilHealth('unhealthy');
  const { failingStreak, log } = containers.find(id).state.health!;
  assert.ok(failingStreak >= 2);
  assert.match(log.at(-1)!.output, /No such file/);
  await inside(id, 'touch /healthy');
  await untilHealth('healthy');
  await containers.stop(id);
  assert.equal(containers.find(id).state.health?.status, 'unhealthy');
  const told = events.filter((event) => event.id === id && event.action.startsWith('health_status'));
  assert.deepEqual(
    told.map(({ action }) => action),
    ['health_status: healthy', 'health_status: unhealthy', 'health_status: healthy'],
  );
  await removeAll();
});

test('a check says nothing of a container that was paused meanwhile', async () => {
  const { containers, events } = lab;
  const healthcheck = { test: ['CMD-SHELL', 'touch /checks; sleep 1'], intervalNs: 50e6, timeoutNs: 2e9, retries: 1 };
  const { id } = await containers.create({ ...STEADY, healthcheck });
  await containers.start(id);
  await until(() => containers.execIds(id).length > 0);
  await containers.pause(id);
  await sleep(2500);
  await containers.unpause(id);
  await until(() => containers.find(id).state.health?.status === 'healthy');
  assert.deepEqual(
    events.filter((event) => event.id === id && event.action.startsWith('health_status')).map(({ action }) => action),
    ['health_status: healthy'],
  );
  await removeAll();
});

test('limits and the restart policy change live', async () => {
  const { containers } = lab;
  const { id } = await containers.create({ ...STEADY, resources: { memoryBytes: 64 * 2 ** 20, pidsLimit: 50 } });
  await containers.start(id);
  await containers.update(id, {
    resources: { memoryBytes: 128 * 2 ** 20, memorySwapBytes: -1 },
    restart: { name: 'unless-stopped', maximumRetries: 0 },
  });
  const { spec } = containers.find(id);
  assert.deepEqual(spec.resources, { memoryBytes: 128 * 2 ** 20, memorySwapBytes: -1, pidsLimit: 50 });
  assert.equal((await containers.usage(id)).memory.limitBytes, 128 * 2 ** 20);
  await containers.update(id, {
    resources: { memoryBytes: 64 * 2 ** 20, memorySwapBytes: 96 * 2 ** 20, nanoCpus: 1e9 },
  });
  for (const [resources, message] of [
    [{ memoryBytes: 128 * 2 ** 20 }, /Memory limit should be smaller than already set memoryswap limit/],
    [{ cpuQuotaUs: 50_000 }, /CPU Quota cannot be updated as NanoCPUs has already been set/],
  ] as const)
    await assert.rejects(containers.update(id, { resources }), { code: 'container-state', message });
  await containers.update(id, { resources: { memoryBytes: 80 * 2 ** 20 } });
  assert.equal(containers.find(id).spec.resources?.memorySwapBytes, 96 * 2 ** 20);
  assert.equal((await containers.usage(id)).memory.limitBytes, 80 * 2 ** 20);
  // A start is over when the runtime lets the process go, which is its own until it executes the command.
  const isStillRuntime = (row: readonly string[]): boolean => /^\S*(crun|runc) /.test(row.at(-1) ?? '');
  let { titles, processes } = await containers.top(id);
  while (processes.some(isStillRuntime)) ({ titles, processes } = await containers.top(id));
  assert.equal(titles[0], 'UID');
  assert.ok(processes.some((row) => row.at(-1)?.includes('sleep 1000')));
  await removeAll();
});

test('out of memory: exit code 137, and it is told', async () => {
  const { id, exitCode } = await lab.run('exec tail -f -c 200m /dev/zero', {
    resources: { memoryBytes: 16 * 2 ** 20, memorySwapBytes: 16 * 2 ** 20 },
  });
  const { state } = lab.containers.find(id);
  assert.deepEqual([exitCode, state.oomKilled], [137, true]);
  assert.ok(lab.events.some((event) => event.id === id && event.action === 'oom'));
  await removeAll();
});

test('out of memory: it is told also of one that lives on', async () => {
  const { containers, events } = lab;
  const { id } = await containers.create({
    image: BUSYBOX,
    command: ['sh', '-c', 'tail -f -c 200m /dev/zero; exec sleep 1000'],
    init: true,
    resources: { memoryBytes: 16 * 2 ** 20, memorySwapBytes: 16 * 2 ** 20 },
  });
  await containers.start(id);
  await until(() => containers.find(id).state.oomKilled);
  assert.equal(containers.find(id).state.status, 'running');
  await containers.stop(id);
  assert.equal(events.filter((event) => event.id === id && event.action === 'oom').length, 1);
  await removeAll();
});

test('after a reboot all have ended, and their restart policies start them', async () => {
  const policy = (name: 'no' | 'always' | 'unless-stopped' | 'on-failure') => ({
    restart: { name, maximumRetries: 0 },
  });
  const { containers } = lab;
  for (const [name, restart] of [
    ['never', policy('no')],
    ['always', policy('always')],
    ['stopped', policy('unless-stopped')],
    ['running', policy('unless-stopped')],
    ['failing', policy('on-failure')],
  ] as const) {
    await containers.create({ ...STEADY, name, ...restart });
    await containers.start(name);
  }
  for (const [name, owner] of [
    ['guest', 'running'],
    ['guest-of-guest', 'guest'],
  ] as const) {
    const network = { mode: 'container', container: owner } as const;
    await containers.create({ ...STEADY, name, network, ...policy('always') });
    await containers.start(name);
  }
  await containers.create({ ...STEADY, name: 'temporary', autoRemove: true });
  await containers.start('temporary');
  await containers.stop('stopped');
  await containers.stop('always');
  await lab.reopen(async () => {
    for (const pid of listMonitors().values()) process.kill(pid, 'SIGKILL');
    for (const { state } of containers.list()) if (state.pid > 0) process.kill(state.pid, 'SIGKILL');
    await sleep(100);
    unmountBelow(lab.roots.runRoot);
    for (const { id } of containers.list()) removeCgroups(id);
    rmSync(lab.roots.runRoot, { recursive: true });
  });
  const wanted = ['always', 'running', 'failing', 'guest', 'guest-of-guest'];
  await until(() => wanted.every((name) => lab.containers.find(name).state.pid > 0));
  const status = (name: string) => [lab.containers.find(name).state.status, lab.containers.find(name).state.exitCode];
  assert.deepEqual(status('never'), ['exited', 255]);
  assert.deepEqual(status('stopped'), ['exited', 143]);
  assert.throws(() => lab.containers.find('temporary'), { code: 'container-not-found' });
  await removeAll();
});

function removeCgroups(id: string): void {
  for (const controller of ['', ...readdirSync('/sys/fs/cgroup')]) {
    const path = join('/sys/fs/cgroup', controller, 'pontoon', id);
    if (existsSync(path)) rmdirSync(path);
  }
}

function unmountBelow(directory: string): void {
  const points = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '');
  for (const point of points.toReversed()) if (point.startsWith(`${directory}/`)) umount(point, MNT_DETACH);
}

test('a conmon that is killed: its container is ended', async () => {
  const { containers } = lab;
  const { id } = await containers.create({ ...STEADY, name: 'watched' });
  await containers.start(id);
  const { pid } = containers.find(id).state;
  const exit = containers.wait(id);
  process.kill([...listMonitors()].find(([directory]) => directory.endsWith(id))![1], 'SIGKILL');
  assert.deepEqual(await exit, { exitCode: 255 });
  await until(() => !isAlive(pid)); // it leaves its cgroup, for which the runtime waits, a moment before it is dead
  await removeAll();
});

test('a removal that fails is told to those who wait for it, and may be tried again', async () => {
  const { containers, roots } = lab;
  const { id } = await containers.create({ image: BUSYBOX, command: ['true'], autoRemove: true });
  const removed = containers.wait(id, { condition: 'removed' });
  const held = join(roots.dataRoot, 'containers', id, 'held');
  mkdirSync(held, { recursive: true });
  mount('tmpfs', held, 'tmpfs', 0);
  await containers.start(id);
  const { exitCode, error } = await removed;
  assert.equal(exitCode, 0);
  assert.match(error ?? '', /EBUSY/);
  await until(() => lab.failures.length > 0);
  assert.match(lab.failures.splice(0).join(), /EBUSY/);
  umount(held);
  await containers.remove(id);
  await removeAll();
});

test('prune takes those that do not run and fit the filter', async () => {
  const { containers } = lab;
  await containers.create({ ...STEADY, name: 'running' });
  await containers.start('running');
  const { id } = await lab.run('echo 12345 > /file', { labels: { keep: 'no' } });
  await lab.run('true', { labels: { keep: 'yes' } });
  const { removed, freedBytes } = await containers.prune({ labels: ['keep=no'] });
  assert.deepEqual([removed, freedBytes], [[id], 6]);
  assert.equal((await containers.prune()).removed.length, 1);
  assert.equal(containers.list().length, 1);
  await removeAll();
});
