/** @module What goes wrong around a container: programs that are not there, a full disk, a daemon that was away. */

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { cgroupOf } from '../../src/container/cgroup.ts';
import { readLog } from '../../src/container/logs.ts';
import { isAlive } from '../../src/container/monitors.ts';
import { Runtime, readExit, resize, watchExits } from '../../src/container/runtime/index.ts';
import { findConmon } from '../../src/container/runtime/program.ts';
import { detachMount, MS_BIND, mount } from '../../src/kernel/mounts.ts';
import { newId } from '../../src/network/identity.ts';
import { attach, closeYard, create, exitDirectory, runToEnd, runtime, world } from '../support/container-yard.ts';

after(closeYard);

test('a runtime that is not installed is named with its package', async () => {
  await assert.rejects(Runtime.open({ runRoot: world, preferred: 'frobrun' }), (error: Error) =>
    /^the OCI runtime frobrun is not installed: install the Debian package frobrun$/.test(error.message),
  );
});

test('a conmon that was removed since is named too, and nothing is half made', async () => {
  const empty = join(world, 'empty');
  writeFileSync(empty, '', { mode: 0o644 });
  const { path } = await findConmon();
  mount(empty, path, '', MS_BIND);
  const id = newId();
  try {
    await assert.rejects(create({ id, args: ['true'] }), { code: 'program-missing', message: /package conmon$/ });
  } finally {
    detachMount(path);
  }
  await runtime.deleteContainer(id);
});

test('what a runtime leaves that is killed while it creates is found by the bundle', async () => {
  const { id, directory, pid, conmonPid } = await create({ args: ['sleep', '100'] });
  const before = await cgroupOf(pid);
  process.kill(conmonPid, 'SIGKILL');
  process.kill(pid, 'SIGKILL');
  rmSync(join(world, 'runtime', id), { recursive: true }); // so far it had not come
  const later = await Runtime.open({ runRoot: world });
  await later.deleteContainer(id, directory);
  assert.deepEqual(await before.processes(), []);
  assert.equal(await before.read('memory', 'cgroup.procs'), undefined);
});

test('a process that was let run by one who was killed just then is found to run', async () => {
  const { id, exit } = await create({ args: ['sh', '-c', 'exit 5'] });
  const fifo = join(world, 'runtime', id, 'exec.fifo');
  if (!existsSync(fifo) || runtime.name !== 'crun') return; // runc's process waits for a reader
  writeFileSync(fifo, '\0');
  assert.equal((await exit).code, 5);
  await runtime.startProcess(id);
  assert.equal(existsSync(fifo), false);
  await assert.rejects(runtime.startProcess(id), { code: 'start-failed' });
  await runtime.deleteContainer(id);
});

test('an exit while nobody watched is found, once', async () => {
  const directory = join(world, 'other-exits');
  mkdirSync(directory);
  const { id } = await create({ args: ['sh', '-c', 'exit 9'], exitDirectory: directory });
  await runtime.startProcess(id);
  while (readExit(directory, id) === undefined) await sleep(10);
  const seen: string[] = [];
  const watchFor = async (handle: () => void) => {
    using _ = await watchExits(
      directory,
      (name, { code, finishedMs }) => {
        assert.ok(Math.abs(finishedMs - Date.now()) < 60_000);
        seen.push(`${name === id} ${code}`);
        handle();
      },
      () => {},
    );
    await sleep(100);
  };
  // One who fails to deal with it leaves it to the next.
  await watchFor(() => {
    throw new Error('the store is full');
  });
  await watchFor(() => {});
  await watchFor(() => {});
  assert.deepEqual(seen, ['true 9', 'true 9']);
  assert.deepEqual(readdirSync(directory), []);
  await runtime.deleteContainer(id);
});

test('two runs of one container that end quickly are two exits', async () => {
  const directory = join(world, 'quick-exits');
  mkdirSync(directory);
  const id = newId();
  const seen: number[] = [];
  using _ = await watchExits(
    directory,
    async (_id, { code }) => {
      seen.push(code);
      await sleep(50);
    },
    () => {},
  );
  writeFileSync(join(directory, id), '1');
  while (seen.length < 1) await sleep(5);
  writeFileSync(join(directory, id), '2'); // while the first is being dealt with
  while (seen.length < 2) await sleep(5);
  assert.deepEqual(seen, [1, 2]);
});

test('a second daemon finds the container of the first, its streams and its end', async () => {
  const { id, directory, exit } = await create({ args: ['sh', '-c', 'sleep 0.3; echo still here'] });
  await runtime.startProcess(id);
  const second = await Runtime.open({ runRoot: world });
  const streams = await attach(directory, { stdout: true });
  const chunks: Buffer[] = [];
  for await (const chunk of streams.stdout) chunks.push(chunk);
  assert.equal(Buffer.concat(chunks).toString(), 'still here\n');
  await exit;
  await second.deleteContainer(id);
});

test('a terminal that is no more cannot be resized, a process that is no more not attached to', async () => {
  const { id, directory, conmonPid } = await runToEnd({ args: ['true'] });
  await ended(conmonPid); // it writes the exit code before it goes
  await assert.rejects(resize(directory, 10, 10), { code: 'container-state' });
  await assert.rejects(resize(directory, -1, 10), { code: 'bad-value' });
  await assert.rejects(attach(directory, { stdout: true }), { code: 'kernel' });
  await runtime.deleteContainer(id);
});

test('one who reads slowly holds the process up, and misses nothing', async () => {
  const { id, directory, exit } = await create({ args: ['sh', '-c', 'busybox seq 1 200000'] });
  const streams = await attach(directory, { stdout: true });
  await runtime.startProcess(id);
  await sleep(200);
  let length = 0;
  let last = '';
  for await (const chunk of streams.stdout as AsyncIterable<Buffer>) {
    length += chunk.length;
    last = (last + chunk.toString()).slice(-10);
  }
  assert.equal(length, 1_288_895);
  assert.match(last, /200000\n$/);
  await exit;
  await runtime.deleteContainer(id);
});

test('one who goes while the process writes does not hold it up', async () => {
  const { id, directory, exit } = await create({ args: ['sh', '-c', 'busybox seq 1 200000'] });
  const streams = await attach(directory, { stdout: true });
  await runtime.startProcess(id);
  await sleep(50);
  await streams[Symbol.asyncDispose]();
  assert.equal((await exit).code, 0);
  await runtime.deleteContainer(id);
});

test('what a process said is heard, though it ended with its input unread', async () => {
  const { id, directory } = await create({ args: ['busybox', 'head', '-n1'], stdin: true });
  const streams = await attach(directory, { stdin: true, stdout: true });
  await runtime.startProcess(id);
  streams.stdin?.on('error', () => {}); // it is closed with the process
  streams.stdin?.write('y\n'.repeat(1_000_000));
  assert.equal(await text(streams.stdout), 'y\n');
  await runtime.deleteContainer(id);
});

test('a log keeps to its size', async () => {
  const args = ['sh', '-c', 'busybox seq 1 20000'];
  const { id, logPath } = await runToEnd({ args, logSizeBytes: 100_000 });
  assert.ok(statSync(logPath).size <= 100_000);
  const texts: string[] = [];
  for await (const { data } of readLog(logPath, { tail: 1 })) texts.push(data.toString());
  assert.deepEqual(texts, ['20000\n']);
  await runtime.deleteContainer(id);
});

test('a full disk is told, and takes nobody down', async () => {
  const full = join(world, 'full');
  mkdirSync(full);
  mount('tmpfs', full, 'tmpfs', 0, 'size=64k');
  // A log that has no room: the process runs on, what is whole in the log can be read.
  const logPath = join(full, 'log');
  const { id, code } = await runToEnd({ args: ['sh', '-c', 'busybox seq 1 50000; exit 5'], logPath });
  assert.equal(code, 5);
  let lines = 0;
  for await (const _ of readLog(logPath, {})) lines++;
  assert.ok(lines > 100);
  await runtime.deleteContainer(id);
  // No room for what a start needs.
  const runRoot = join(full, 'run');
  mkdirSync(runRoot);
  const cramped = await Runtime.open({ runRoot });
  const next = newId();
  await assert.rejects(create({ id: next, args: ['true'], runtime: cramped }));
  await cramped.deleteContainer(next);
  assert.equal(existsSync(join(exitDirectory, next)), false);
});

test('a container whose surroundings fail is not created, and its conmon goes', async () => {
  const id = newId();
  const directory = join(world, id);
  const launching = runtime.launch({
    id,
    input: sleep(20).then(() => Promise.reject(new Error('no address left'))),
    terminal: false,
    directory,
    logPath: undefined,
    exitDirectory,
    stdin: false,
  });
  await assert.rejects(launching, /no address left/);
  assert.deepEqual(readdirSync(directory), []);
  await runtime.deleteContainer(id);
});

test('what cannot be mounted is told with its name', async () => {
  const bind = { type: 'bind', name: '', source: '/nowhere', target: '/x', readOnly: false, propagation: '' } as const;
  const id = newId();
  await assert.rejects(create({ id, args: ['true'], input: { mounts: [bind] } }), (error: Error) => {
    assert.match(error.message, /^failed to create task for container: .*nowhere.*no such file or directory/i);
    return true;
  });
  await runtime.deleteContainer(id);
});

test('a conmon that is killed leaves no exit code, and its container can be deleted', async () => {
  const { id, conmonPid, pid } = await create({ args: ['sleep', '100'] });
  await runtime.startProcess(id);
  process.kill(conmonPid, 'SIGKILL');
  await ended(conmonPid);
  await runtime.deleteContainer(id);
  while (existsSync(`/proc/${pid}`)) await sleep(10);
  assert.equal(readExit(exitDirectory, id), undefined);
});

/** Waits until a process is gone, or nobody but its parent remembers it. */
async function ended(pid: number): Promise<void> {
  while (isAlive(pid)) await sleep(10);
}
