/** @module Network namespaces: create, pin, enter, delete; and where the thread is after each way to fail. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { PontoonError } from '../../src/errors.ts';
import { KernelError } from '../../src/kernel/error.ts';
import { NetworkNamespace } from '../../src/kernel/namespace.ts';
import { NetlinkSocket } from '../../src/kernel/netlink/socket.ts';
import { createBridge, listLinks } from '../../src/kernel/rtnetlink/link.ts';
import { NETLINK_ROUTE } from '../../src/kernel/uapi/netlink.ts';
import { createSandbox, openWorld } from './support.ts';

const world = openWorld();
after(() => world[Symbol.dispose]());

const directory = mkdtempSync(join(tmpdir(), 'pontoon-namespaces-'));
const where = () => readlinkSync('/proc/thread-self/ns/net');
const home = where();
const isNotFound = (words: RegExp) => (error: unknown) =>
  PontoonError.is(error, 'namespace-not-found') && words.test(error.message);

test('create, enter, open again by path, delete', () => {
  const path = join(directory, 'deep', 'er', 'one');
  using namespace = NetworkNamespace.create(path);
  assert.equal(where(), home);
  assert.notEqual(`net:[${namespace.inode}]`, home);
  assert.equal(statSync(path).ino, namespace.inode);
  assert.equal(namespace.enter(where), `net:[${namespace.inode}]`);
  assert.equal(where(), home);

  using again = NetworkNamespace.open(path);
  assert.equal(again.inode, namespace.inode);

  using inside = namespace.enter(() => new NetlinkSocket(NETLINK_ROUTE));
  inside.request(createBridge({ name: 'inside' }));
  assert.deepEqual(
    listLinks(inside).map(({ name }) => name),
    ['lo', 'inside'],
  );
  assert.deepEqual(
    listLinks(world).map(({ name }) => name),
    ['lo'],
  );

  NetworkNamespace.unpin(path);
  assert.equal(existsSync(path), false);
  assert.equal(namespace.enter(where), `net:[${namespace.inode}]`, 'it lives as long as a descriptor');
  NetworkNamespace.unpin(path);
});

test('steps inside steps return to where they came from', () => {
  using one = createSandbox();
  using two = createSandbox();
  const at = (sandbox: typeof one) => `net:[${sandbox.namespace.inode}]`;
  const seen: string[] = [];
  const result = one.namespace.enter(() => {
    seen.push(where());
    two.namespace.enter(() => {
      seen.push(where());
      one.namespace.enter(() => seen.push(where()));
      seen.push(where());
    });
    seen.push(where());
    return 'result';
  });
  assert.equal(result, 'result');
  assert.deepEqual(seen, [at(one), at(two), at(one), at(two), at(one)]);
  assert.equal(where(), home);
});

test('a step that throws returns too, from any depth', () => {
  using one = createSandbox();
  using two = createSandbox();
  const error = new Error('from inside');
  const fail = () => {
    throw error;
  };
  assert.throws(() => one.namespace.enter(fail), error);
  assert.equal(where(), home);
  one.namespace.enter(() => {
    assert.throws(() => two.namespace.enter(fail), error);
    assert.equal(where(), `net:[${one.namespace.inode}]`);
  });
  assert.throws(() => one.namespace.enter(() => two.namespace.enter(fail)), error);
  assert.equal(where(), home);
});

test('a namespace whose descriptor is closed is refused, and the thread stays', () => {
  using sandbox = createSandbox();
  const closed = NetworkNamespace.open(sandbox.path);
  closed[Symbol.dispose]();
  assert.throws(
    () => closed.enter(() => assert.fail('entered')),
    (error) => KernelError.isKernel(error, 'EBADF'),
  );
  assert.equal(where(), home);
  sandbox.namespace.enter(() => {
    assert.throws(() => closed.enter(() => assert.fail('entered')));
    assert.equal(where(), `net:[${sandbox.namespace.inode}]`);
  });
  assert.equal(where(), home);
});

test('what is no network namespace is refused by name', () => {
  const file = join(directory, 'file');
  writeFileSync(file, 'text');
  const folder = join(directory, 'folder');
  mkdirSync(folder);
  assert.throws(() => NetworkNamespace.open(join(directory, 'nobody')), isNotFound(/no network namespace at .*nobody/));
  for (const path of [file, folder, '/dev/null', '/proc/self/ns/mnt', '/proc/self/ns/pid']) {
    assert.throws(() => NetworkNamespace.open(path), isNotFound(/is not a network namespace/), path);
    assert.equal(where(), home);
  }
});

test('a path that is taken is not overwritten, and nothing is left behind', () => {
  const path = join(directory, 'taken');
  writeFileSync(path, 'text');
  assert.throws(() => NetworkNamespace.create(path), /EEXIST/);
  assert.equal(statSync(path).size, 4);
  assert.equal(where(), home);
});

test('the namespace of a process; none of a process that is not there', async () => {
  const child = spawn('unshare', ['--net', 'sh', '-c', 'echo ready; exec sleep 600'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await new Promise((resolve) => child.stdout.once('data', resolve));
    using namespace = NetworkNamespace.ofProcess(child.pid!);
    assert.equal(readlinkSync(`/proc/${child.pid}/ns/net`), `net:[${namespace.inode}]`);
    assert.notEqual(namespace.enter(where), home);
  } finally {
    child.kill();
  }
  assert.throws(() => NetworkNamespace.ofProcess(2 ** 22 + 1), isNotFound(/no process 4194305/));
});

test('five hundred namespaces leave no descriptor behind', () => {
  const descriptors = () => readdirSync('/proc/self/fd').length;
  const before = descriptors();
  for (let count = 0; count < 500; count++) {
    const path = join(directory, `many${count}`);
    const namespace = NetworkNamespace.create(path);
    namespace.enter(() => {});
    namespace[Symbol.dispose]();
    namespace[Symbol.dispose]();
    assert.throws(() => namespace.enter(() => assert.fail('entered')));
    NetworkNamespace.unpin(path);
  }
  assert.equal(descriptors(), before);
  assert.equal(where(), home);
});
