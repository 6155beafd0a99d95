/** @module Child processes: their descriptors, signals, ends, and what is left of them. */

import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { processEndsWithin, signalChildOf } from '../../src/kernel/pidfd.ts';
import { type Child, spawn } from '../../src/kernel/spawn.ts';

const directory = mkdtempSync(join(tmpdir(), 'spawn-'));
after(() => rmSync(directory, { recursive: true }));
const environment = { PATH: '/usr/bin:/bin', COLOUR: 'blue' };
const shell = (script: string, options = {}): Child =>
  spawn('/bin/sh', { args: ['-c', script], environment, descriptors: ['null', 'output', 'output'], ...options });
const output = (child: Child, fd = 1): Promise<string> =>
  text(new Socket({ fd: child.pipes.get(fd)!, readable: true, writable: false }));

test('a program gets its words, environment and directory, and nothing of ours', async () => {
  const child = shell('echo "$0 $COLOUR $HOME"; pwd; ls /proc/self/fd | tr "\\n" " "', { directory });
  // ls has one more open, for what it lists.
  assert.equal(await output(child), `/bin/sh blue \n${directory}\n0 1 2 3 `);
  assert.deepEqual(await child.ended, { exitCode: 0 });
});

test('what it ends with is told, and no zombie stays', async () => {
  assert.deepEqual(await shell('exit 7').ended, { exitCode: 7 });
  const child = shell('sleep 100');
  child.kill('SIGTERM');
  assert.deepEqual(await child.ended, { signal: 'SIGTERM' });
  child.kill('SIGKILL'); // of somebody else's, by now
  assert.throws(() => readFileSync(`/proc/${child.pid}/stat`), { code: 'ENOENT' });
});

test('descriptors are put in their places, also where the places are each other’s', async () => {
  const [first, second] = ['first', 'second'].map((name) => openSync(join(directory, name), 'w+')) as [number, number];
  // The numbers of ours as places of the child: each must be read before it is overwritten.
  const descriptors = Array.from({ length: second + 1 }, (_, number): number | 'null' => {
    if (number === first) return second;
    return number === second ? first : 'null';
  });
  const child = shell(`echo to-the-first >/proc/self/fd/${second}; echo to-the-second >/proc/self/fd/${first}`, {
    descriptors,
  });
  assert.deepEqual(await child.ended, { exitCode: 0 });
  assert.equal(readFileSync(join(directory, 'first'), 'utf8'), 'to-the-first\n');
  assert.equal(readFileSync(join(directory, 'second'), 'utf8'), 'to-the-second\n');
  for (const fd of [first, second]) closeSync(fd);
});

test('a pipe leads in and another one out', async () => {
  const child = spawn('/bin/cat', { args: [], environment, descriptors: ['input', 'output', 'null'] });
  writeSync(child.pipes.get(0)!, 'there and back');
  closeSync(child.pipes.get(0)!);
  assert.equal(await output(child), 'there and back');
});

test('no signal is blocked or ignored in it, though Node.js ignores SIGPIPE', async () => {
  const status = await output(shell('cat /proc/self/status'));
  for (const name of ['SigBlk', 'SigIgn']) assert.match(status, new RegExp(`^${name}:\\s+0+$`, 'm'));
});

test('a session of its own, where that is asked for', async () => {
  const session = async (child: Child) => Number((await output(child)).split(') ').at(-1)?.split(' ')[3]);
  const own = shell('exec cat /proc/self/stat', { session: true });
  assert.equal(await session(own), own.pid);
  const ours = shell('exec cat /proc/self/stat');
  assert.notEqual(await session(ours), ours.pid);
});

test('what cannot be started is an error, and leaves no descriptor open', async () => {
  const before = readdirSync('/proc/self/fd').length;
  const descriptors = ['input', 'output', 'null'] as const;
  const start = (path: string) => () => spawn(path, { args: [], environment, descriptors });
  assert.throws(start('/nowhere'), { message: 'posix_spawn /nowhere: ENOENT' });
  assert.throws(start('/etc/passwd'), { errno: 'EACCES' });
  assert.equal(readdirSync('/proc/self/fd').length, before);
});

test('the end of a process that is not ours is seen, or that it does not come', async () => {
  const child = shell('sleep 100 & echo $!');
  const pid = Number(await new Promise((resolve) => new Socket({ fd: child.pipes.get(1)! }).once('data', resolve)));
  await child.ended;
  assert.equal(await processEndsWithin(pid, 50), false);
  process.kill(pid, 'SIGKILL');
  assert.equal(await processEndsWithin(pid, 10_000), true);
  await sleep(50);
  assert.equal(await processEndsWithin(pid, 10_000), true); // gone
});

test('a signal goes to the child of the parent that is named, and to nobody else', async () => {
  const child = shell('sleep 100');
  assert.equal(signalChildOf(child.pid, child.pid, 15), false);
  assert.equal(signalChildOf(process.pid, child.pid, 15), true);
  assert.deepEqual(await child.ended, { signal: 'SIGTERM' });
  assert.equal(signalChildOf(process.pid, child.pid, 15), false);
});

test('a hundred at once end with what each had to say', async () => {
  const said = await Promise.all(Array.from({ length: 100 }, (_, n) => output(shell(`echo ${n}; exit 0`))));
  assert.deepEqual(
    said.map(Number),
    said.map((_, n) => n),
  );
});
