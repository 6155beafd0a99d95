/** @module Readiness of descriptors: each event is told, many at once, and the process still ends as it should. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { closeSync, readSync, writeSync } from 'node:fs';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { eventfd } from '../../src/kernel/ffi.ts';
import { readable, watchReadable } from '../../src/kernel/readiness.ts';
import { createSandbox, openWorld, until } from './support.ts';

openWorld()[Symbol.dispose]();

const ONE = new BigUint64Array([1n]);
const signal = (fd: number) => writeSync(fd, ONE);
const drain = (fd: number) => {
  const count = Buffer.alloc(8);
  readSync(fd, count);
  return Number(count.readBigUInt64LE());
};

/** Runs a script in a process of its own, with the kernel modules at hand. */
async function run(script: string) {
  const imports = ['readiness', 'ffi', 'namespace', 'netlink/socket']
    .map(
      (name, index) =>
        `import * as m${index} from ${JSON.stringify(import.meta.resolve(`../../src/kernel/${name}.ts`))};`,
    )
    .join('\n');
  const modules =
    'const { watchReadable, readable } = m0, ffi = m1, { NetworkNamespace } = m2, { NetlinkSocket } = m3;';
  const source = `${imports}\nimport * as fs from 'node:fs';\n${modules}\n${script}`;
  try {
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', source], {
      timeout: 60_000,
      killSignal: 'SIGKILL',
    });
    return { status: 0, output: stdout };
  } catch (error) {
    const { code, stdout, stderr, signal: killedBy } = error as { [key: string]: string };
    return { status: code ?? killedBy, output: `${stdout}${stderr}` };
  }
}

test('a thousand events, one after the other, are a thousand calls', async () => {
  const fd = eventfd();
  const { promise, resolve } = Promise.withResolvers<void>();
  let calls = 0;
  using watch = watchReadable(fd, () => {
    assert.equal(drain(fd), 1);
    if (++calls === 1000) resolve();
    else signal(fd);
  });
  watch.ref();
  signal(fd);
  await promise;
  assert.equal(calls, 1000);
  setImmediate(() => closeSync(fd));
});

test('what a callback leaves unread is told again, until the watch ends', async () => {
  const fd = eventfd();
  signal(fd);
  let calls = 0;
  const watch = watchReadable(fd, () => {
    if (++calls === 5) watch[Symbol.dispose]();
  });
  await until(() => calls === 5, 'five calls');
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(calls, 5);
  closeSync(fd);
});

test('three hundred descriptors at once, each told for itself', async () => {
  const fds = Array.from({ length: 300 }, () => eventfd());
  const seen = new Map<number, number>();
  const watches = fds.map((fd) => watchReadable(fd, () => seen.set(fd, (seen.get(fd) ?? 0) + drain(fd))));
  for (let round = 1; round <= 3; round++) {
    for (const fd of fds) signal(fd);
    await until(() => fds.every((fd) => seen.get(fd) === round), `round ${round} on all descriptors`);
  }
  for (const watch of watches) watch[Symbol.dispose]();
  for (const fd of fds) closeSync(fd);
});

test('a descriptor number that is used again is a new watch', async () => {
  for (let round = 0; round < 50; round++) {
    // An event that nobody has seen when its watch ends and its descriptor is closed.
    const stale = eventfd();
    const watch = watchReadable(stale, () => assert.fail('called after its end'));
    signal(stale);
    watch[Symbol.dispose]();
    closeSync(stale);

    const fd = eventfd();
    assert.equal(fd, stale);
    signal(fd);
    await readable(fd);
    closeSync(fd);
  }
});

test('readable: waits, may be aborted, and leaves the descriptor to the next', async () => {
  const fd = eventfd();
  const abort = new AbortController();
  const aborted = readable(fd, abort.signal);
  abort.abort(new Error('enough'));
  await assert.rejects(aborted, /enough/);
  await assert.rejects(readable(fd, abort.signal), /enough/);

  const waiting = readable(fd);
  setTimeout(() => signal(fd), 10);
  await waiting;
  assert.equal(drain(fd), 1);
  closeSync(fd);
});

test('a descriptor that epoll cannot watch, or watches already, is refused', () => {
  const fd = eventfd();
  using _watch = watchReadable(fd, () => {});
  assert.throws(() => watchReadable(fd, () => {}), /epoll_ctl fd \d+: EEXIST/);
  assert.throws(() => watchReadable(99_999, () => {}), /epoll_ctl fd 99999: EBADF/);
  setImmediate(() => closeSync(fd));
});

test('watches do not keep the process alive, and end with it', async () => {
  const { status, output } = await run(`
    const fds = Array.from({ length: 100 }, () => ffi.eventfd());
    for (const fd of fds) watchReadable(fd, () => {});
    setTimeout(() => console.log('done'), 200);`);
  assert.deepEqual([status, output], [0, 'done\n']);
});

test('the process ends also when the worker has not started yet', async () => {
  assert.deepEqual(await run(`watchReadable(ffi.eventfd(), () => {}); process.exit(0);`), { status: 0, output: '' });
  assert.deepEqual(await run(`watchReadable(ffi.eventfd(), () => {});`), { status: 0, output: '' });
});

test('process.exit ends at once with events pending and a held watch', async () => {
  const { status } = await run(`
    const fd = ffi.eventfd();
    fs.writeSync(fd, new BigUint64Array([1n]));
    watchReadable(fd, () => { if (globalThis.once) process.exit(7); globalThis.once = true; }).ref();`);
  assert.equal(status, 7);
});

test('an uncaught exception of a callback ends the process as any other', async () => {
  const { status, output } = await run(`
    const fd = ffi.eventfd();
    fs.writeSync(fd, new BigUint64Array([1n]));
    watchReadable(fd, () => { throw new Error('from the callback'); }).ref();`);
  assert.equal(status, 1);
  assert.match(output, /from the callback/);
});

test('a reader that waits keeps the process alive until it has read', async () => {
  const { status, output } = await run(`
    const fd = ffi.eventfd();
    const { Worker } = await import('node:worker_threads');
    const other = new Worker("setTimeout(() => process.getBuiltinModule('node:fs').writeSync(" + fd + ", new BigUint64Array([1n])), 300)", { eval: true });
    other.unref();
    await readable(fd);
    console.log('read');`);
  assert.deepEqual([status, output], [0, 'read\n']);
});

test('the process ends wherever its worker is: not begun, loading, waiting', async () => {
  // Many at once, because a busy machine makes each of these moments last.
  const ends = await Promise.all(
    Array.from({ length: 40 }, (_, index) =>
      run(`
        watchReadable(ffi.eventfd(), () => {});
        setTimeout(() => process.exit(0), ${index * 15});`),
    ),
  );
  for (const { status, output } of ends) assert.deepEqual([status, output], [0, '']);
});

test('another thread than the main one is refused', async () => {
  const { status, output } = await run(`
    const { Worker } = await import('node:worker_threads');
    const source = \`
      import { parentPort } from 'node:worker_threads';
      import { watchReadable } from '${import.meta.resolve('../../src/kernel/readiness.ts')}';
      try { watchReadable(0, () => {}); } catch (error) { parentPort.postMessage(error.message); }\`;
    const other = new Worker(new URL('data:text/javascript,' + encodeURIComponent(source)), { execArgv: [] });
    other.once('message', console.log);`);
  assert.deepEqual([status, output], [0, 'descriptors are watched on the main thread only\n']);
});

test('a watch made inside another namespace leaves no thread there', async () => {
  using sandbox = createSandbox();
  const { status, output } = await run(`
    const namespace = NetworkNamespace.open(${JSON.stringify(sandbox.path)});
    const extra = ffi.eventfd();
    namespace.enter(() => {
      watchReadable(ffi.eventfd(), () => {});
      ffi.closeAsync(extra);
    });
    await new Promise((resolve) => setTimeout(resolve, 300));
    const home = fs.readlinkSync('/proc/self/ns/net');
    const threads = fs.readdirSync('/proc/self/task').map((task) => fs.readlinkSync('/proc/self/task/' + task + '/ns/net'));
    console.log(threads.length > 2, threads.every((where) => where === home));`);
  assert.deepEqual([status, output], [0, 'true true\n']);
});
