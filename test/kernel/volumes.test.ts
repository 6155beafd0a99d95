/**
 * @module Volumes: made, mounted with the local driver's options, filled from an image, pruned, and found again.
 */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openVolumes } from '../../src/container/volumes.ts';
import { refusal } from '../support/image-archives.ts';

const createDirectory = () => mkdtempSync(join(tmpdir(), 'pontoon-volumes-'));

test('volumes are made, found, removed, and there again after a new start', async () => {
  const dataRoot = createDirectory();
  const events: string[] = [];
  const volumes = await openVolumes({
    dataRoot,
    onEvent: ({ action, id }) => events.push(`${action} ${id.slice(0, 4)}`),
  });
  const made = await volumes.create({ name: 'data', labels: { a: 'b' } });
  assert.deepEqual([made.name, made.labels, made.anonymous], ['data', { a: 'b' }, false]);
  assert.equal(statSync(made.mountpoint).mode & 0o777, 0o755);
  writeFileSync(join(volumes.mount('data'), 'kept'), 'x');
  assert.deepEqual(await volumes.create({ name: 'data', labels: { other: '1' } }), made);
  const anonymous = await volumes.create();
  assert.match(anonymous.name, /^[0-9a-f]{64}$/);
  assert.ok(anonymous.anonymous);
  const again = await openVolumes({ dataRoot });
  assert.deepEqual(again.list(), volumes.list());
  assert.equal(readFileSync(join(again.find('data').mountpoint, 'kept'), 'utf8'), 'x');
  await assert.rejects(
    again.remove('data', { inUse: () => ['abc'] }),
    refusal('volume-in-use', /^remove data: volume is in use - \[abc\]$/),
  );
  await again.remove('data');
  assert.throws(() => again.find('data'), refusal('volume-not-found', /^get data: no such volume$/));
  assert.ok(!existsSync(made.mountpoint));
  assert.deepEqual(events, ['create data', `create ${anonymous.name.slice(0, 4)}`]);
});

test('names and options are checked in the words of Docker', async () => {
  const volumes = await openVolumes({ dataRoot: createDirectory() });
  for (const name of ['../x', 'a/b', '.a', '-a', 'a', 'a b', 'a'.repeat(256)]) {
    await assert.rejects(
      volumes.create({ name }),
      refusal('bad-name', /invalid characters for a local volume name/),
      name,
    );
  }
  const create = (options: Record<string, string>) => volumes.create({ name: 'some', options });
  await assert.rejects(create({ size: '1' }), refusal('bad-value', /invalid option: "size"/));
  await assert.rejects(create({ type: 'tmpfs' }), refusal('bad-value', /missing required option: "device"/));
  assert.deepEqual(volumes.list(), []);
});

test('options mount: a directory of the host, read-only, and memory', async () => {
  const [dataRoot, source] = [createDirectory(), createDirectory()];
  writeFileSync(join(source, 'mine'), 'x');
  const volumes = await openVolumes({ dataRoot });
  await volumes.create({ name: 'bound', options: { type: 'none', device: source, o: 'bind,ro' } });
  await volumes.create({ name: 'memory', options: { type: 'tmpfs', device: 'tmpfs', o: 'size=1m,uid=1000' } });
  for (const _ of [1, 2]) {
    assert.deepEqual(readdirSync(volumes.mount('bound')), ['mine']);
    assert.equal(statSync(volumes.mount('memory')).uid, 1000);
  }
  assert.throws(() => writeFileSync(join(volumes.mount('bound'), 'more'), ''), { code: 'EROFS' });
  await volumes.create({ name: 'wrong', options: { type: 'none', device: '/no/such', o: 'bind' } });
  assert.throws(() => volumes.mount('wrong'), refusal('kernel', /ENOENT/));
  for (const name of ['bound', 'memory', 'wrong']) await volumes.remove(name);
  assert.deepEqual(readdirSync(source), ['mine']);
  assert.deepEqual(readdirSync(join(dataRoot, 'volumes')), []);
  assert.ok(!readFileSync('/proc/self/mounts', 'utf8').includes(dataRoot));
});

test('an empty volume takes what the image has at its place, and only once', async () => {
  const [dataRoot, root, outside] = [createDirectory(), createDirectory(), createDirectory()];
  mkdirSync(join(root, 'srv/sub'), { recursive: true });
  execFileSync('sh', ['-ec', 'echo x > f; chown 1000:33 . f; chmod 2750 .; ln -s f link'], { cwd: join(root, 'srv') });
  writeFileSync(join(outside, 'secret'), 'x');
  symlinkSync('/srv', join(root, 'absolute'));
  symlinkSync(outside, join(root, 'out'));
  const volumes = await openVolumes({ dataRoot });
  const { mountpoint } = await volumes.create({ name: 'filled' });
  await volumes.fill('filled', { root, target: '/absolute/' });
  assert.deepEqual(readdirSync(mountpoint).sort(), ['f', 'link', 'sub']);
  const { uid, gid, mode } = statSync(mountpoint);
  assert.deepEqual([uid, gid, mode & 0o7777], [1000, 33, 0o2750]);
  assert.equal(statSync(join(mountpoint, 'f')).uid, 1000);
  writeFileSync(join(root, 'srv/later'), '');
  await volumes.fill('filled', { root, target: '/srv' });
  assert.ok(!existsSync(join(mountpoint, 'later')));
  const other = await volumes.create({ name: 'other' });
  for (const target of ['/no', '/out', '/srv/f', '/../../..']) {
    await volumes.fill('other', { root: join(root, 'srv/sub'), target });
    await volumes.fill('other', { root, target: target === '/../../..' ? '/no' : target });
  }
  assert.deepEqual(readdirSync(other.mountpoint), []);
});

test('a fill that a crash cut short is done again', async () => {
  const [dataRoot, root] = [createDirectory(), createDirectory()];
  writeFileSync(join(root, 'whole'), 'x');
  const volumes = await openVolumes({ dataRoot });
  const { mountpoint } = await volumes.create({ name: 'half' });
  writeFileSync(join(mountpoint, 'half of it'), '');
  writeFileSync(join(dataRoot, 'volumes/half/filling'), '');
  await volumes.fill('half', { root, target: '/' });
  assert.deepEqual(readdirSync(mountpoint), ['whole']);
});

test('two who fill a volume at once take turns', async () => {
  const [dataRoot, root] = [createDirectory(), createDirectory()];
  for (let at = 0; at < 500; at++) writeFileSync(join(root, `f${at}`), 'x');
  const volumes = await openVolumes({ dataRoot });
  const { mountpoint } = await volumes.create({ name: 'shared' });
  await Promise.all([1, 2, 3].map(() => volumes.fill('shared', { root, target: '/' })));
  assert.equal(readdirSync(mountpoint).length, 500);
});

test('what has no record among the volumes is left alone', async () => {
  const dataRoot = createDirectory();
  mkdirSync(join(dataRoot, 'volumes/lost+found'), { recursive: true });
  const volumes = await openVolumes({ dataRoot });
  assert.deepEqual(volumes.list(), []);
  assert.ok(existsSync(join(dataRoot, 'volumes/lost+found')));
});

test('the removal of a volume takes its mount away first, also by a symbolic link', async () => {
  const [real, host] = [createDirectory(), createDirectory()];
  writeFileSync(join(host, 'precious'), 'x');
  const dataRoot = join(createDirectory(), 'link');
  symlinkSync(real, dataRoot);
  const volumes = await openVolumes({ dataRoot });
  await volumes.create({ name: 'bound', options: { type: 'none', o: 'bind', device: host } });
  volumes.mount('bound');
  volumes.mount('bound');
  await volumes.remove('bound');
  assert.deepEqual(readdirSync(host), ['precious']);
});

test('a full disk leaves no half volume', async () => {
  const [dataRoot, root] = [createDirectory(), createDirectory()];
  writeFileSync(join(root, 'large'), Buffer.alloc(2 ** 21));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m,nr_inodes=20', 'tmpfs', dataRoot]);
  try {
    const volumes = await openVolumes({ dataRoot });
    const { mountpoint } = await volumes.create({ name: 'filled' });
    await assert.rejects(volumes.fill('filled', { root, target: '/' }), refusal('disk-full', /[Nn]o space left/));
    assert.deepEqual(readdirSync(mountpoint), []);
    const makeMany = async () => {
      for (let at = 0; at < 20; at++) await volumes.create({ name: `v${at}` });
    };
    await assert.rejects(makeMany, refusal('disk-full', /no space left/));
    assert.deepEqual(
      readdirSync(join(dataRoot, 'volumes')).sort(),
      volumes.list().map(({ name }) => name),
    );
  } finally {
    execFileSync('umount', [dataRoot]);
  }
});

test('prune takes what no container uses', async () => {
  const volumes = await openVolumes({ dataRoot: createDirectory() });
  const [used, unused] = [await volumes.create(), await volumes.create()];
  await volumes.create({ name: 'named', labels: { keep: '1' } });
  writeFileSync(join(unused.mountpoint, 'f'), Buffer.alloc(1000));
  const inUse = (name: string) => (name === used.name ? ['c1'] : []);
  assert.deepEqual(await volumes.prune({ inUse }), { removed: [unused.name], reclaimedBytes: 1000 });
  const kept = await volumes.prune({ inUse, all: true, matches: ({ labels }) => labels.keep === undefined });
  assert.deepEqual(kept.removed, []);
  assert.deepEqual((await volumes.prune({ inUse, all: true })).removed, ['named']);
});

test('prune leaves a volume that somebody begins to use meanwhile', async () => {
  const volumes = await openVolumes({ dataRoot: createDirectory() });
  const names = [await volumes.create(), await volumes.create()].map(({ name }) => name).sort();
  let asked = 0;
  const inUse = (name: string) => (name === names[1] && asked++ > 0 ? ['c1'] : []);
  assert.deepEqual((await volumes.prune({ inUse })).removed, [names[0]]);
  assert.deepEqual(
    volumes.list().map(({ name }) => name),
    [names[1]],
  );
});
