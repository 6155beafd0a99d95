/**
 * @module Files below a root that is not ours: links count there, nothing leads out, and only regular files are read.
 */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readFileBelow } from '../../src/kernel/file-below.ts';

const outside = mkdtempSync(join(tmpdir(), 'pontoon-below-'));
const root = join(outside, 'root');
mkdirSync(join(root, 'etc'), { recursive: true });
mkdirSync(join(root, 'run'));
writeFileSync(join(outside, 'secret'), 'secret');
writeFileSync(join(root, 'etc/hosts'), 'inside\n');
const link = (target: string, name: string) => symlinkSync(target, join(root, 'etc', name));
const read = (path: string, maxBytes = 1000) => readFileBelow(root, path, maxBytes);

test('a file, by any way that leads to it', () => {
  link('hosts', 'relative');
  link('/etc/hosts', 'absolute');
  link('../../../../etc/hosts', 'above');
  link('/etc', 'directory');
  for (const path of [
    '/etc/hosts',
    'etc//./hosts',
    '/etc/relative',
    '/etc/absolute',
    '/etc/above',
    '/etc/directory/hosts',
  ]) {
    assert.equal(read(path), 'inside\n', path);
  }
  assert.equal(read('/../../etc/hosts'), 'inside\n');
  assert.equal(read('/etc/hosts', 3), 'ins');
});

test('nothing outside', () => {
  link(join(outside, 'secret'), 'by-path');
  link('../../secret', 'by-dots');
  link(`/proc/self/root${outside}/secret`, 'by-proc');
  for (const path of ['/etc/by-path', '/etc/by-dots', '/etc/by-proc', '../secret'])
    assert.equal(read(path), undefined, path);
});

test('what is no regular file, or not there, is absent', () => {
  link('loop', 'loop');
  execFileSync('mkfifo', [join(root, 'run/pipe')]);
  execFileSync('mknod', [join(root, 'run/zero'), 'c', '1', '5']);
  for (const path of ['/etc/loop', '/run/pipe', '/run/zero', '/etc', '/nothing', '/etc/hosts/below', '']) {
    assert.equal(read(path), undefined, path);
  }
  assert.equal(readFileBelow(join(outside, 'nowhere'), '/etc/hosts', 10), undefined);
  assert.equal(readFileBelow('/proc/4194304/root', '/etc/hosts', 10), undefined);
});

test('files of /proc, which have no size', () => {
  assert.match(readFileBelow('/proc/self', '/status', 100) ?? '', /^Name:/);
});
