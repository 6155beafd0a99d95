/**
 * @module docker cp and docker diff: files into and out of a root, and never out of it by a link or a name.
 */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { readArchive, readRoot, statPath, writeArchive } from '../../src/container/archive.ts';
import { changes, mountRoot } from '../../src/container/rootfs.ts';
import { refusal, tarOf } from '../support/image-archives.ts';

/** A root with something in it, and a file outside that must stay as it is. */
function createRoot() {
  const directory = mkdtempSync(join(tmpdir(), 'pontoon-archive-'));
  const root = join(directory, 'root');
  const outside = join(directory, 'outside');
  for (const path of [join(root, 'srv/data/deep'), join(root, 'run'), outside]) mkdirSync(path, { recursive: true });
  writeFileSync(join(outside, 'kept'), 'kept');
  writeFileSync(join(root, 'srv/data/a'), 'content of a');
  linkSync(join(root, 'srv/data/a'), join(root, 'srv/data/b'));
  symlinkSync('a', join(root, 'srv/data/link'));
  symlinkSync('/srv/data', join(root, 'srv/absolute'));
  symlinkSync(outside, join(root, 'srv/out'));
  symlinkSync(`${'../'.repeat(12)}${outside}`, join(root, 'srv/up'));
  return { root, outside };
}

/** 'name type' of each entry, by GNU tar. */
async function listing(archive: Readable): Promise<string[]> {
  const path = join(mkdtempSync(join(tmpdir(), 'listing-')), 'tar');
  writeFileSync(path, await buffer(archive));
  return execFileSync('tar', ['-tPf', path]).toString().trim().split('\n');
}

const put = async (root: string, path: string, entries: Parameters<typeof tarOf>[0], options = {}) =>
  writeArchive(root, path, Readable.from([await tarOf(entries)]), options);

test('stat tells of the file itself, and where a link leads', () => {
  const { root } = createRoot();
  const file = statPath(root, '/srv/data/a');
  assert.deepEqual([file.name, file.sizeBytes, file.linkTarget], ['a', 12, '']);
  assert.equal(statPath(root, 'srv/data/link').linkTarget, '/srv/data/a');
  assert.equal(statPath(root, '/srv/absolute').linkTarget, '/srv/data');
  assert.equal(statPath(root, '/srv/absolute/').linkTarget, '');
  assert.equal(statPath(root, '/srv/absolute/.').name, '.');
  assert.equal(statPath(root, '/srv/absolute/link').linkTarget, '/srv/absolute/a');
  assert.equal(statPath(root, '/').name, '/');
  for (const path of ['/no', '/srv/out/kept', '/srv/up/', '/srv/data/a/', '/srv/data/a/b']) {
    assert.throws(() => statPath(root, path), refusal('path-not-found', /^Could not find the file /), path);
  }
});

test('an archive of a file, a directory, its content, and the root', async () => {
  const { root } = createRoot();
  assert.deepEqual(await listing(readArchive(root, '/srv/data/a')), ['a']);
  assert.deepEqual(await listing(readArchive(root, '/srv/absolute/a')), ['a']);
  const inside = ['a', 'b', 'deep/', 'link'];
  assert.deepEqual(await listing(readArchive(root, '/srv/data')), ['data/', ...inside.map((name) => `data/${name}`)]);
  assert.deepEqual(await listing(readArchive(root, '/srv/data/.')), ['./', ...inside.map((name) => `./${name}`)]);
  assert.deepEqual(await listing(readArchive(root, '/srv/absolute/')), [
    'absolute/',
    ...inside.map((n) => `absolute/${n}`),
  ]);
  assert.deepEqual((await listing(readArchive(root, '/'))).slice(0, 2), ['/', '/run/']);
  assert.deepEqual((await listing(readRoot(root))).slice(0, 3), ['run/', 'srv/', 'srv/absolute']);
  assert.throws(() => readArchive(root, '/no/such'), refusal('path-not-found'));
});

test('what goes out comes in again: owners, modes, times, links, devices, holes', async () => {
  const { root } = createRoot();
  const data = join(root, 'srv/data');
  execFileSync(
    'sh',
    [
      '-ec',
      'chown 1000:33 a; chmod 4755 a; mkfifo pipe; mknod null c 1 3; truncate -s 3M hole; touch -d 2020-02-02 deep .',
    ],
    { cwd: data },
  );
  await writeArchive(root, '/run', readArchive(root, '/srv/data'));
  const compare = ['-ec', 'stat -c "%n %F %a %u %g %Y %s %t:%T" * . | sort'];
  const [before, after] = [data, join(root, 'run/data')].map((cwd) => execFileSync('sh', compare, { cwd }).toString());
  assert.equal(after, before);
  assert.equal(statSync(join(root, 'run/data/a')).ino, statSync(join(root, 'run/data/b')).ino);
  assert.equal(readlinkSync(join(root, 'run/data/link')), 'a');
});

test('extraction replaces what it names, and keeps the rest', async () => {
  const { root } = createRoot();
  await put(root, '/srv/absolute', [
    { name: 'a', content: 'new' },
    { name: 'link', content: 'a file now' },
    { name: 'made/below/file', content: 'x' },
  ]);
  const data = join(root, 'srv/data');
  assert.equal(readFileSync(join(data, 'a'), 'utf8'), 'new');
  assert.equal(readFileSync(join(data, 'b'), 'utf8'), 'content of a');
  assert.ok(lstatSync(join(data, 'link')).isFile());
  assert.ok(existsSync(join(data, 'made/below/file')));
  await put(root, '/srv/data', [{ name: 'x', content: 'x', uid: 5, gid: 6 }], { owner: { uid: 1000, gid: 33 } });
  assert.deepEqual([statSync(join(data, 'x')).uid, statSync(join(data, 'x')).gid], [1000, 33]);
  const refuse = { noOverwriteDirNonDir: true };
  await assert.rejects(
    put(root, '/srv/data', [{ name: 'deep', content: '' }], refuse),
    refusal('bad-value', /^cannot overwrite directory/),
  );
  await assert.rejects(
    put(root, '/srv/data', [{ name: 'a', type: 'directory' }], refuse),
    refusal('bad-value', /^cannot overwrite non-directory/),
  );
  await put(root, '/srv/data', [{ name: 'deep', content: 'no directory' }]);
  assert.ok(statSync(join(data, 'deep')).isFile());
  await assert.rejects(put(root, '/srv/data/a', []), refusal('bad-value', /not a directory/));
  await assert.rejects(put(root, '/srv/no', []), refusal('path-not-found'));
  await assert.rejects(put(root, '/srv', [{ name: '/', content: 'x' }]), refusal('bad-value', /without a name/));
  const tar = await tarOf([{ name: 'zipped', content: Buffer.alloc(5000) }]);
  await writeArchive(root, '/srv', Readable.from([gzipSync(tar)]));
  await assert.rejects(
    writeArchive(root, '/srv', Readable.from([tar.subarray(0, 3000)])),
    refusal('bad-image', /damaged/),
  );
});

test('neither names nor links of a tar or a root lead out', async () => {
  const { root, outside } = createRoot();
  const up = '../'.repeat(12);
  const attacks: [string, Parameters<typeof tarOf>[0]][] = [
    ['/srv', [{ name: `${up}${outside}/new`, content: 'x' }]],
    ['/srv', [{ name: join(outside, 'kept'), content: 'x' }]],
    ['/srv', [{ name: 'out/kept', content: 'x' }]],
    ['/srv', [{ name: 'up/kept', content: 'x' }]],
    ['/srv/out', [{ name: 'kept', content: 'x' }]],
    [
      '/',
      [
        { name: 'l', type: 'symlink', linkname: outside },
        { name: 'l/kept', content: 'x' },
      ],
    ],
    [
      '/',
      [
        { name: 'l', type: 'symlink', linkname: outside },
        { name: 'l', type: 'directory', mode: 0o777 },
      ],
    ],
    [
      '/',
      [
        { name: 'k', type: 'symlink', linkname: join(outside, 'kept') },
        { name: 'k', content: 'x', mode: 0o777 },
      ],
    ],
    ['/', [{ name: 'h', type: 'link', linkname: join(outside, 'kept') }]],
    ['/', [{ name: 'h', type: 'link', linkname: 'srv/out/kept' }]],
    ['/', [{ name: 'srv/up/d', type: 'character-device', devmajor: 1, devminor: 3 }]],
  ];
  const mode = statSync(outside).mode;
  for (const [path, entries] of attacks) {
    // Refused or put below the root: both will do.
    await put(root, path, entries).catch(() => undefined);
    assert.deepEqual(readdirSync(outside), ['kept'], JSON.stringify(entries));
    const kept = statSync(join(outside, 'kept'));
    assert.deepEqual([readFileSync(join(outside, 'kept'), 'utf8'), kept.nlink], ['kept', 1]);
    assert.equal(statSync(outside).mode, mode);
  }
});

test('a directory that is swapped for a link all the time leads nowhere', async () => {
  const { root, outside } = createRoot();
  const [swapped, aside] = [join(root, 'srv/swapped'), join(root, 'srv/aside')];
  mkdirSync(swapped);
  symlinkSync(outside, aside);
  const exchange = () => {
    renameSync(swapped, `${swapped}.t`);
    renameSync(aside, swapped);
    renameSync(`${swapped}.t`, aside);
  };
  const tar = await tarOf(Array.from({ length: 20 }, (_, at) => ({ name: `swapped/kept`, content: `x${at}` })));
  for (let round = 0; round < 30; round++) {
    const source = Readable.from(
      (async function* () {
        for (let at = 0; at < tar.length; at += 512) {
          if (Math.random() < 0.5) exchange();
          yield tar.subarray(at, at + 512);
        }
      })(),
    );
    await writeArchive(root, '/srv', source).catch(() => undefined);
    await buffer(readArchive(root, '/srv')).catch(() => undefined);
    assert.equal(readFileSync(join(outside, 'kept'), 'utf8'), 'kept');
  }
  assert.deepEqual(readdirSync(outside), ['kept']);
});

test('a reader that goes away leaves no descriptor open', async () => {
  const { root } = createRoot();
  execFileSync('truncate', ['-s', '50M', join(root, 'srv/data/large')]);
  const open = () => readdirSync('/proc/self/fd').length;
  const before = open();
  for (let round = 0; round < 5; round++) {
    const archive = readArchive(root, '/srv');
    for await (const _ of archive) break;
    archive.destroy();
  }
  while (open() > before) await new Promise((resolve) => setTimeout(resolve, 10));
});

test('a full disk is one clear error', async () => {
  const { root } = createRoot();
  const small = join(root, 'small');
  mkdirSync(small);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', small]);
  await assert.rejects(
    put(root, '/small', [{ name: 'f', content: Buffer.alloc(2 ** 21) }]),
    refusal('disk-full', /no space left/),
  );
  execFileSync('umount', [small]);
});

test('changes are told by what the upper directory has: added, modified, deleted', async () => {
  const { root: lower } = createRoot();
  const directory = mkdtempSync(join(tmpdir(), 'pontoon-changes-'));
  mkdirSync(join(lower, 'etc/old/sub'), { recursive: true });
  writeFileSync(join(lower, 'etc/old/file'), '');
  writeFileSync(join(lower, 'etc/untouched'), '');
  const roots = { id: 'x', dataRoot: join(directory, 'data'), runRoot: join(directory, 'run') };
  const { merged, upper } = mountRoot({ ...roots, lower });
  assert.deepEqual(await changes({ upper, lower }), []);
  writeFileSync(join(merged, 'srv/data/deep/new'), '');
  writeFileSync(join(merged, 'srv/data/a'), 'changed');
  rmSync(join(merged, 'etc/old'), { recursive: true });
  mkdirSync(join(merged, 'etc/old'));
  mkdirSync(join(merged, 'etc/old/sub'));
  rmSync(join(merged, 'srv/data/link'));
  mkdirSync(join(merged, 'proc'));
  assert.deepEqual(
    (await changes({ upper, lower }, ['/proc'])).map(({ path, kind }) => `${kind} ${path}`),
    [
      'modified /etc',
      'modified /etc/old',
      'deleted /etc/old/file',
      'added /etc/old/sub',
      'modified /srv',
      'modified /srv/data',
      'modified /srv/data/a',
      'modified /srv/data/deep',
      'added /srv/data/deep/new',
      'deleted /srv/data/link',
    ],
  );
});
