/**
 * @module Images: the built-in ones, archives in and out, names, removal, and what a crash or a full disk leaves.
 */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { openImages } from '../../src/container/images/index.ts';
import { mountRoot, removeRoot, unmountRoot } from '../../src/container/rootfs.ts';
import { PontoonError } from '../../src/errors.ts';
import {
  configOf,
  digestOf,
  dockerArchive,
  type ImageParts,
  ociArchive,
  refusal,
  tarOf,
} from '../support/image-archives.ts';

function createRoots() {
  const directory = mkdtempSync(join(tmpdir(), 'pontoon-images-'));
  return { dataRoot: join(directory, 'data'), runRoot: join(directory, 'run') };
}

/** One small layer. */
async function createParts(more: Partial<ImageParts> = {}): Promise<ImageParts> {
  const layer = await tarOf([
    { name: 'etc/', type: 'directory', mode: 0o755 },
    { name: 'etc/motd', content: 'hello\n', uid: 1000, gid: 33, mode: 0o640 },
  ]);
  return { layers: [layer], names: ['example:1'], ...more };
}

const contentOf = (store: string): string[] => readdirSync(store, { recursive: true }).map(String).sort();

test('the built-in images are there without a registry, the same each time', async () => {
  const roots = createRoots();
  const images = await openImages(roots);
  const busybox = images.find('pontoon/busybox');
  assert.deepEqual(busybox.tags, ['pontoon/busybox:latest']);
  assert.deepEqual(busybox.config.command, ['sh']);
  assert.equal((await openImages(createRoots())).find('pontoon/busybox').id, busybox.id);
  const { lower } = await images.root(busybox.id);
  for (const name of ['sh', 'ip', 'ping', 'arp', 'route', 'wget', 'httpd', 'nc', 'nslookup', 'ifconfig', 'telnet']) {
    assert.ok(existsSync(join(lower, 'bin', name)), name);
  }
  const said = execFileSync('chroot', [lower, 'sh', '-c', 'id -un && ls -ld /tmp /sbin/ip /usr/bin/env | wc -l']);
  assert.equal(said.toString(), 'root\n3\n');
  assert.equal(statSync(join(lower, 'tmp')).mode & 0o7777, 0o1777);
});

test('a built-in image that was removed comes back at the next opening, or when it is pulled', async () => {
  const roots = createRoots();
  const images = await openImages(roots);
  await images.remove('pontoon/busybox');
  assert.throws(() => images.find('pontoon/busybox'), refusal('image-not-found', /^No such image: pontoon\/busybox$/));
  assert.deepEqual((await images.pull('hub.lan/pontoon/busybox')).tags, ['pontoon/busybox:latest']);
  await images.remove('pontoon/busybox');
  assert.ok((await openImages(roots)).find('pontoon/busybox'));
});

test('pontoon/host shows the root of the host, and neither its run-time files nor Pontoon itself', async () => {
  const roots = createRoots();
  // On the file system of the host's root, where overlayfs refuses to write over '/'.
  const dataRoot = mkdtempSync('/var/lib/pontoon-test-');
  try {
    const images = await openImages({ ...roots, dataRoot });
    const { lower } = await images.root(images.find('pontoon/host').id);
    const { merged, upper } = mountRoot({ ...roots, dataRoot, id: 'host', lower });
    assert.deepEqual(readFileSync(join(merged, 'etc/passwd')), readFileSync('/etc/passwd'));
    for (const hidden of ['proc', 'sys', 'dev', 'run', 'tmp', dataRoot]) {
      assert.deepEqual(readdirSync(join(merged, hidden)), [], hidden);
    }
    assert.equal(statSync(join(merged, 'tmp')).mode, statSync('/tmp').mode);
    assert.equal(statSync(join(merged, 'var/lib')).mode, statSync('/var/lib').mode);
    writeFileSync(join(merged, 'etc/written-here'), '');
    assert.ok(existsSync(join(upper, 'etc/written-here')));
    assert.ok(!existsSync('/etc/written-here'));
    assert.deepEqual(mountRoot({ ...roots, dataRoot, id: 'host', lower }).upper, upper);
    await removeRoot({ ...roots, dataRoot, id: 'host' });
    assert.throws(() => images.save(['pontoon/host']), refusal('mode-conflict'));
  } finally {
    execFileSync('rm', ['-rf', dataRoot]);
  }
});

/** As node:zlib's functions do it, for the formats that it does not know. */
function packBy(program: 'xz' | 'bzip2'): (data: Buffer) => Buffer {
  return (data) => execFileSync(program, ['-c'], { input: data });
}

for (const [form, make] of [
  ['docker save', dockerArchive],
  ['OCI', ociArchive],
] as const) {
  test(`an archive is loaded: ${form}, as it is and compressed`, async () => {
    for (const compress of [(data: Buffer) => data, gzipSync, zstdCompressSync, packBy('xz'), packBy('bzip2')]) {
      const images = await openImages(createRoots());
      const parts = await createParts({
        config: { Env: ['A=b'], Healthcheck: { Test: ['CMD', 'true'], Interval: 5e9 }, ExposedPorts: { '80/tcp': {} } },
      });
      const [image] = await images.load(Readable.from([compress(await make(parts))]));
      assert.deepEqual(image?.tags, ['example:1']);
      assert.deepEqual(image.config.env, ['A=b']);
      assert.deepEqual(image.config.healthcheck?.test, ['CMD', 'true']);
      assert.deepEqual(image.config.exposedPorts, [{ port: 80, protocol: 'tcp' }]);
      assert.equal(image.createdMs, Date.parse('2026-01-02T03:04:05.678Z'));
      const { lower } = await images.root(image.id);
      const stat = statSync(join(lower, 'etc/motd'));
      assert.deepEqual([stat.uid, stat.gid, stat.mode & 0o7777], [1000, 33, 0o640]);
      assert.equal(images.find(image.id.slice(7, 19)).id, image.id);
    }
  });
}

test('layers may be compressed, and stand on each other', async () => {
  const below = await tarOf([
    { name: 'a', content: '1' },
    { name: 'b', content: '1' },
  ]);
  const above = await tarOf([
    { name: '.wh.a', content: '' },
    { name: 'b', content: '2' },
  ]);
  const top = await tarOf([{ name: 'c', content: '3' }]);
  const parts = await createParts({ layers: [below, above, top] });
  const diffIds = [below, above, top].map(digestOf);
  const images = await openImages(createRoots());
  const packed = { ...parts, layers: [gzipSync(below), zstdCompressSync(above), packBy('xz')(top)], diffIds };
  const [image] = await images.load(Readable.from([await ociArchive(packed)]));
  const { lower } = await images.root(image?.id ?? '');
  assert.deepEqual(readdirSync(lower), ['b', 'c']);
  assert.equal(readFileSync(join(lower, 'b'), 'utf8'), '2');
  assert.equal(image?.sizeBytes, below.length + above.length + top.length);
});

test('images of one archive may share layers', async () => {
  const one = await createParts();
  const more = await tarOf([{ name: 'more', content: 'x' }]);
  const two = { ...one, layers: [...one.layers, more], names: ['example:2'] };
  const images = await openImages(createRoots());
  const loaded = await images.load(Readable.from([await dockerArchive(one, two)]));
  assert.deepEqual(
    loaded.map(({ tags }) => tags),
    [['example:1'], ['example:2']],
  );
  await images.remove('example:1');
  assert.deepEqual(readdirSync((await images.root('example:2')).lower).sort(), ['etc', 'more']);
  const saved = await buffer(images.save(['example:2']));
  assert.equal((await (await openImages(createRoots())).load(Readable.from([saved])))[0]?.id, loaded[1]?.id);
});

test('what was saved is loaded again, by Pontoon and by skopeo', async () => {
  const roots = createRoots();
  const images = await openImages(roots);
  await images.load(Readable.from([await dockerArchive(await createParts())]));
  images.tag('example:1', 'registry.lan:5000/other:2');
  const archive = await buffer(images.save(['example:1', 'registry.lan:5000/other:2', 'pontoon/busybox']));
  const path = join(tmpdir(), 'saved.tar');
  writeFileSync(path, archive);
  for (const name of ['example:1', 'pontoon/busybox:latest']) {
    const config = execFileSync('skopeo', ['inspect', '--raw', '--config', `docker-archive:${path}:${name}`]);
    assert.ok(config.length > 0);
  }
  const others = await openImages(createRoots());
  const loaded = await others.load(Readable.from([archive]));
  assert.deepEqual(
    loaded.map(({ id, tags }) => ({ id, tags })),
    [images.find('example:1'), images.find('pontoon/busybox')].map(({ id, tags }) => ({ id, tags })),
  );
});

test('damaged archives are refused and leave nothing behind', async () => {
  const parts = await createParts();
  const good = await dockerArchive(parts);
  const manifest = async (value: unknown) => tarOf([{ name: 'manifest.json', content: JSON.stringify(value) }]);
  const flip = (_: string, blob: Buffer) => Buffer.concat([blob.subarray(0, -1), Buffer.from([0xff])]);
  const bad: [string, Buffer, RegExp][] = [
    ['not a tar', Buffer.alloc(5000, 'x'), /archive is damaged/],
    ['empty', Buffer.alloc(0), /neither a manifest.json/],
    ['cut', good.subarray(0, good.length - 1500), /damaged|neither/],
    ['a cut gzip', gzipSync(good).subarray(0, 300), /damaged/],
    ['a cut zstd', zstdCompressSync(good).subarray(0, 300), /damaged.*zstd/],
    ['a cut xz', packBy('xz')(good).subarray(0, 300), /damaged.*xz/],
    ['a bzip2 that is none', Buffer.from('BZh nothing of it'), /damaged.*bzip2/],
    ['no images', await manifest([]), /names no image/],
    ['no layers', await manifest([{ Config: 'x' }]), /without Config and Layers/],
    ['a missing file', await manifest([{ Config: 'x', Layers: ['../../etc/passwd'] }]), /archive has no x/],
    ['a wrong diff ID', await dockerArchive({ ...parts, diffIds: [`sha256:${'0'.repeat(64)}`] }), /its tar is sha256:/],
    ['too few diff IDs', await dockerArchive({ ...parts, diffIds: [] }), /names 0 layers, but there are 1/],
    ['a wrong type', await dockerArchive({ ...parts, config: { Env: 'A=b' } }), /config.Env is of the wrong type/],
    ['a changed blob', await ociArchive(parts, flip), /no file whose content is/],
    ['a layer that is no tar', await dockerArchive(await createParts({ layers: [Buffer.alloc(3000, 'y')] })), /unpack/],
  ];
  const roots = createRoots();
  const images = await openImages(roots);
  const before = contentOf(roots.dataRoot);
  for (const [what, archive, message] of bad) {
    await assert.rejects(images.load(Readable.from([archive])), refusal('bad-image', message), what);
    assert.deepEqual(contentOf(roots.dataRoot), before, what);
  }
});

test('no name in a layer leads out of the root', async () => {
  const outside = mkdtempSync(join(tmpdir(), 'outside-'));
  writeFileSync(join(outside, 'kept'), '');
  const up = '../'.repeat(12);
  const attacks: Parameters<typeof tarOf>[0][] = [
    [{ name: `${up}${outside}/a`, content: 'x' }],
    [{ name: join(outside, 'b'), content: 'x' }],
    [
      { name: 'link', type: 'symlink', linkname: outside },
      { name: 'link/c', content: 'x' },
    ],
    [
      { name: 'link', type: 'symlink', linkname: `${up}${outside}` },
      { name: 'link/d', content: 'x' },
    ],
    [{ name: 'link', type: 'symlink', linkname: outside }, { name: 'link/.wh.kept' }, { name: 'link/.wh..wh..opq' }],
    [{ name: `${up}${outside}/.wh.kept` }],
    [
      { name: 'link', type: 'symlink', linkname: `${outside}/e` },
      { name: 'link', content: 'x' },
    ],
    [{ name: '..', type: 'symlink', linkname: outside }],
    [
      { name: '.', type: 'symlink', linkname: outside },
      { name: 'f', content: 'x' },
    ],
    [
      { name: 'hard', type: 'link', linkname: join(outside, 'kept') },
      { name: 'hard', content: 'x' },
    ],
    [{ name: `${up}${outside}/dev`, type: 'character-device', devmajor: 1, devminor: 3 }],
    [
      { name: 'dev', type: 'symlink', linkname: '/dev' },
      { name: 'dev/pontoon-test', type: 'block-device', devmajor: 254, devminor: 0 },
    ],
  ];
  for (const [at, entries] of attacks.entries()) {
    const images = await openImages(createRoots());
    const parts = await createParts({ layers: [await tarOf(entries)] });
    // Refused or put below the root: both will do.
    await images.load(Readable.from([await dockerArchive(parts)])).catch((error: unknown) => {
      if (!PontoonError.is(error, 'bad-image')) throw error;
    });
    assert.deepEqual(readdirSync(outside), ['kept'], `attack ${at}`);
    assert.equal(statSync(join(outside, 'kept')).nlink, 1, `attack ${at}`);
    assert.ok(!existsSync('/dev/pontoon-test'));
  }
});

test('a name in an archive is never a path of ours', async () => {
  const parts = await createParts();
  const layer = parts.layers[0] as Buffer;
  const manifest = [{ Config: '../../../c.json', RepoTags: ['evil:1'], Layers: ['x/../../../../layer.tar', 'l'] }];
  const archive = await tarOf([
    { name: '../../../c.json', content: configOf({ ...parts, layers: [layer, layer] }) },
    { name: '/x/../../../../layer.tar', content: layer },
    { name: 'l', type: 'symlink', linkname: '../../layer.tar' },
    { name: '/etc/pontoon-test-escape', content: 'x' },
    { name: 'manifest.json', content: JSON.stringify(manifest) },
  ]);
  const images = await openImages(createRoots());
  const [image] = await images.load(Readable.from([archive]));
  assert.equal(image?.layers.length, 2);
  assert.ok(!existsSync('/etc/pontoon-test-escape'));
});

test('names: tag, find, move, remove', async () => {
  const roots = createRoots();
  const images = await openImages(roots);
  const [image] = await images.load(Readable.from([await dockerArchive(await createParts())]));
  const id = image?.id ?? '';
  images.tag('example:1', 'other');
  assert.deepEqual(images.find('other').tags, ['example:1', 'other:latest']);
  await assert.rejects(
    images.remove(id),
    refusal('image-in-use', /must be forced\) - image is referenced in multiple/),
  );
  assert.deepEqual(await images.remove('other'), [{ untagged: 'other:latest' }]);
  await assert.rejects(
    images.remove('example:1', { inUse: () => ['c'.repeat(64)] }),
    refusal('image-in-use', /container cccccccccccc/),
  );
  // Another image takes the name; the first one stays without.
  const second = await createParts({ config: { Env: ['SECOND=1'] } });
  await images.load(Readable.from([await dockerArchive(second)]));
  assert.deepEqual(images.find(id).tags, []);
  assert.notEqual(images.find('example:1').id, id);
  // All of it is there after a new start.
  const again = await openImages(roots);
  assert.deepEqual(again.list(), images.list());
  assert.deepEqual((await again.prune()).removed, [{ deleted: id }]);
  assert.deepEqual(
    again.history('example:1').map(({ createdBy }) => createdBy),
    ['step 0'],
  );
  const removed = await again.remove('example:1');
  assert.deepEqual(removed.at(0), { untagged: 'example:1' });
  assert.equal(readdirSync(join(roots.dataRoot, 'images/unpacked')).length, 0);
});

test('what a client puts before names without a registry is left out, once that is known', async () => {
  const roots = createRoots();
  const images = await openImages(roots);
  await images.load(Readable.from(await dockerArchive(await createParts({ names: ['app:1'] }))));
  images.tag('app:1', 'hub.lan/team/app');
  images.tag('pontoon/busybox', 'registry.lan:5000/library/app');
  assert.ok(images.find('team/app'), 'found by what is typed, though what stands before is not known yet');

  images.tag('pontoon/busybox', 'hub.lan/library/app:1');
  const named = (from: typeof images, ref: string): string[] => [...from.find(ref).tags].sort();
  for (const from of [images, await openImages(roots)]) {
    assert.deepEqual(named(from, 'team/app'), ['team/app:latest'], 'the other name has moved');
    assert.deepEqual(named(from, 'hub.lan/library/app:1'), [
      'app:1',
      'pontoon/busybox:latest',
      'registry.lan:5000/library/app:latest',
    ]);
  }
  assert.deepEqual(await images.remove('app:1'), [{ untagged: 'app:1' }]);
  const [loaded] = await images.load(Readable.from(await buffer(images.save(['hub.lan/team/app']))));
  assert.deepEqual(loaded?.tags, ['team/app:latest']);
});

test('an image in use stays when it is forced out, without a name', async () => {
  const images = await openImages(createRoots());
  const [image] = await images.load(Readable.from([await dockerArchive(await createParts())]));
  const inUse = () => ['c'.repeat(64)];
  assert.deepEqual(await images.remove('example:1', { force: true, inUse }), [{ untagged: 'example:1' }]);
  assert.deepEqual(images.find(image?.id ?? '').tags, []);
  assert.deepEqual((await images.prune({ dangling: false, inUse })).removed, []);
});

test('what a killed process left is removed at the next opening', async () => {
  const roots = createRoots();
  const images = await openImages(roots);
  await images.root(images.find('pontoon/busybox').id);
  const store = join(roots.dataRoot, 'images');
  const before = contentOf(store);
  mkdirSync(join(store, 'stages/abc/root/etc'), { recursive: true });
  mkdirSync(join(store, 'unpacked', 'f'.repeat(64)));
  writeFileSync(join(store, 'blobs/sha256', 'f'.repeat(64)), 'x');
  await openImages(roots);
  assert.deepEqual(contentOf(store), before);
});

test('a root directory is imported, with changes', async () => {
  const images = await openImages(createRoots());
  const tar = await tarOf([{ name: './bin/tool', content: 'x', mode: 0o755 }]);
  const image = await images.importRoot(Readable.from([gzipSync(tar)]), {
    name: 'imported:v1',
    changes: ['CMD ["tool", "-v"]', 'ENV A="b c" D=e', 'EXPOSE 80 53/udp', 'ENTRYPOINT run it', 'LABEL x=y'],
    message: 'by hand',
  });
  assert.deepEqual(image.tags, ['imported:v1']);
  assert.deepEqual(image.config.command, ['tool', '-v']);
  assert.deepEqual(image.config.env, ['A=b c', 'D=e']);
  assert.deepEqual(image.config.entrypoint, ['/bin/sh', '-c', 'run it']);
  assert.deepEqual(image.config.labels, { x: 'y' });
  assert.equal(image.config.exposedPorts.length, 2);
  assert.equal(image.comment, 'by hand');
  await assert.rejects(
    images.importRoot(Readable.from([tar]), { changes: ['RUN rm'] }),
    refusal('bad-value', /RUN rm/),
  );
  await assert.rejects(images.importRoot(Readable.from([Buffer.alloc(2000, 'z')])), refusal('bad-image'));
});

test('a full disk is one clear error, and leaves nothing half-made', async () => {
  const roots = createRoots();
  mkdirSync(roots.dataRoot, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', roots.dataRoot]);
  try {
    const images = await openImages(roots);
    const before = contentOf(roots.dataRoot);
    const layer = await tarOf([{ name: 'big', content: Buffer.alloc(5 * 1024 * 1024, 'x') }]);
    // Too large for the archive itself, and too large only once it is unpacked.
    for (const layers of [[layer], [layer, Buffer.concat([layer, Buffer.alloc(2 ** 20)])]]) {
      const archive = await dockerArchive({ layers });
      await assert.rejects(images.load(Readable.from([archive])), refusal('disk-full', /no space left/));
      assert.deepEqual(contentOf(roots.dataRoot), before);
    }
  } finally {
    execFileSync('umount', ['-l', roots.dataRoot]);
  }
});

test('a program that is missing is named with its Debian package', async () => {
  const images = await openImages(createRoots());
  const paths = ['umoci', 'skopeo', 'busybox'].map((name) =>
    execFileSync('which', [name], { encoding: 'utf8' }).trim(),
  );
  for (const path of paths) execFileSync('mount', ['--bind', '/dev/null', path]);
  try {
    const load = async () => images.load(Readable.from([await dockerArchive(await createParts())]));
    await assert.rejects(load, refusal('program-missing', /umoci is not installed: install the Debian package umoci/));
    await assert.rejects(images.pull('localhost:1/x'), refusal('program-missing', /Debian package skopeo/));
    const others = await openImages(createRoots());
    assert.throws(() => others.find('pontoon/busybox'), refusal('program-missing', /busybox-static/));
  } finally {
    for (const path of paths) execFileSync('umount', [path]);
  }
});

test('a root can be mounted, unmounted and removed again and again', async () => {
  const roots = createRoots();
  const images = await openImages(roots);
  const { lower } = await images.root(images.find('pontoon/busybox').id);
  const options = { ...roots, id: 'c1', lower };
  const { merged, upper } = mountRoot(options);
  writeFileSync(join(merged, 'new'), 'x');
  assert.deepEqual(mountRoot(options), mountRoot(options));
  unmountRoot(options);
  unmountRoot(options);
  assert.ok(!existsSync(merged));
  assert.equal(readFileSync(join(mountRoot(options).merged, 'new'), 'utf8'), 'x');
  await removeRoot(options);
  await removeRoot(options);
  assert.ok(!existsSync(upper));
});

test('a data root on which overlayfs cannot write is told', async () => {
  const roots = createRoots();
  const lower = mkdtempSync(join(tmpdir(), 'lower-'));
  const { merged } = mountRoot({ ...roots, id: 'outer', lower });
  const inner = { ...roots, id: 'inner', lower, dataRoot: join(merged, 'data') };
  assert.throws(() => mountRoot(inner), refusal('feature-missing', /overlayfs cannot write .*--data-root/));
});

test('the progress of a load is told in bytes', async () => {
  const images = await openImages(createRoots());
  const layer = await tarOf([{ name: 'large', content: Buffer.alloc(10 * 2 ** 20) }]);
  const told: unknown[] = [];
  await images.load(Readable.from([await dockerArchive({ layers: [layer] })]), (step) => told.push(step));
  const id = digestOf(layer).slice(7, 19);
  assert.deepEqual(told.at(0), { id, status: 'Loading layer', current: 0, total: layer.length });
  assert.deepEqual(told.at(-1), { id, status: 'Loading layer', current: layer.length, total: layer.length });
  assert.equal(told.length, 4);
});
