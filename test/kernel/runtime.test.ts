/** @module The runtime under conmon: a process in a container, its streams, execs, terminal and exit. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Attachments } from '../../src/container/attachments.ts';
import { execProcess, ProcessStreams, readHost, resize, startExitCode } from '../../src/container/runtime/index.ts';
import { newId } from '../../src/network/identity.ts';
import { attach, closeYard, create, runtime } from '../support/container-yard.ts';

after(closeYard);

/** Listens from now on; what it gives waits until all that came is `expected`. */
function hearing(stream: Readable): (expected: string) => Promise<void> {
  let heard = '';
  stream.on('data', (data) => {
    heard += data;
  });
  return async (expected) => {
    while (heard !== expected) {
      assert.ok(expected.startsWith(heard), heard);
      await once(stream, 'data');
    }
  };
}

test('a container runs, is heard from its first byte, and its exit code is found', async () => {
  const { id, directory, exit, pid, conmonPid, logPath } = await create({
    args: ['sh', '-c', 'echo out; echo err >&2; exit 7'],
  });
  assert.ok(pid > 0 && conmonPid > 0);
  const streams = await attach(directory, { stdout: true, stderr: true });
  await runtime.startProcess(id);
  assert.deepEqual(await Promise.all([text(streams.stdout), text(streams.stderr)]), ['out\n', 'err\n']);
  assert.equal((await exit).code, 7);
  assert.match(readFileSync(logPath, 'utf8'), /stdout F out\n/);
  await runtime.deleteContainer(id);
});

test('standard input reaches the process, and its end too', async () => {
  const { id, directory, exit } = await create({ args: ['cat'], stdin: true });
  const streams = await attach(directory, { stdin: true, stdout: true, stderr: true });
  await runtime.startProcess(id);
  const sent = 'x'.repeat(100_000);
  streams.stdin?.end(sent);
  assert.equal(await text(streams.stdout), sent);
  assert.equal((await exit).code, 0);
  await runtime.deleteContainer(id);
});

test('several are attached to one process; one that goes does not disturb the others', async () => {
  const { id, directory, exit } = await create({ args: ['sh', '-c', 'echo one; sleep 0.3; echo two'] });
  const streams = await ProcessStreams.connect(directory, { stdinOnce: true });
  const first = streams.attach({ stdout: true });
  const second = streams.attach({ stdout: true });
  await runtime.startProcess(id);
  await new Promise((resolve) => second.stdout.once('data', resolve));
  await second[Symbol.asyncDispose]();
  const third = streams.attach({ stdout: true });
  assert.deepEqual(await Promise.all([first, third].map(({ stdout }) => text(stdout))), ['one\ntwo\n', 'two\n']);
  assert.equal(await text(streams.attach({ stdout: true }).stdout), '', 'it has ended');
  await exit;
  await runtime.deleteContainer(id);
});

test('one who only listened does not end the input of the others', async () => {
  const { id, directory, exit } = await create({ args: ['cat'], stdin: true });
  const streams = await ProcessStreams.connect(directory, { stdinOnce: true });
  const writer = streams.attach({ stdin: true, stdout: true });
  const listener = streams.attach({ stdout: true });
  await runtime.startProcess(id);
  writer.stdin?.write('one');
  await new Promise((resolve) => listener.stdout.once('data', resolve));
  await listener[Symbol.asyncDispose]();
  await sleep(100);
  writer.stdin?.end('two');
  assert.equal(await text(writer.stdout), 'onetwo');
  await exit;
  await runtime.deleteContainer(id);
});

test('the input of several arrives whole, and stays open when one ends it, where it is not for one only', async () => {
  const { id, directory } = await create({ args: ['busybox', 'head', '-c300000'], stdin: true, stdinOnce: false });
  const streams = await ProcessStreams.connect(directory, { stdinOnce: false });
  const reader = streams.attach({ stdout: true });
  const writers = ['a', 'b', 'c'].map(() => streams.attach({ stdin: true }));
  await runtime.startProcess(id);
  writers[0]?.stdin?.end('a'.repeat(100_000));
  writers[1]?.stdin?.write('b'.repeat(100_000));
  await sleep(100);
  await writers[1]?.[Symbol.asyncDispose]();
  writers[2]?.stdin?.end('c'.repeat(100_000));
  const output = await text(reader.stdout);
  assert.deepEqual(
    ['a', 'b', 'c'].map((letter) => output.split(letter).length - 1),
    [100_000, 100_000, 100_000],
  );
  await runtime.deleteContainer(id);
});

test('whoever ends an input that stays open hears no more, and the others do', async () => {
  const { id, directory, exit } = await create({ args: ['cat'], stdin: true, stdinOnce: false });
  const streams = await ProcessStreams.connect(directory, { stdinOnce: false });
  const stays = streams.attach({ stdin: true, stdout: true });
  const leaves = streams.attach({ stdin: true, stdout: true });
  await runtime.startProcess(id);
  const [heardByLeaving, heardByStaying] = [hearing(leaves.stdout), hearing(stays.stdout)];
  leaves.stdin?.write('one');
  await Promise.all([heardByLeaving('one'), heardByStaying('one')]);
  leaves.stdin?.end('two');
  await once(leaves.stdout, 'end');
  stays.stdin?.write('three');
  await heardByStaying('onetwothree');
  await runtime.signal(id, constants.signals.SIGKILL);
  await exit;
  await runtime.deleteContainer(id);
});

test('one who goes while the others are connected does not hold the process up', async () => {
  const { id, directory, exit } = await create({ args: ['busybox', 'seq', '100000'] });
  const attachments = new Attachments();
  const goes = attachments.wait({ stdin: true, stdout: true }, assert.ifError);
  const stays = attachments.wait({ stdout: true }, assert.ifError);
  await attachments.begin(async () => {
    await goes[Symbol.asyncDispose]();
    return ProcessStreams.connect(directory, { stdinOnce: true });
  });
  await runtime.startProcess(id);
  assert.equal((await text(stays.stdout)).split('\n').length, 100_001);
  assert.equal((await exit).code, 0);
  await runtime.deleteContainer(id);
});

test('those who wait for a start that fails while they are connected hear no more', async () => {
  const attachments = new Attachments();
  const waits = attachments.wait({ stdout: true }, assert.ifError);
  await assert.rejects(
    attachments.begin(() => ProcessStreams.connect('/nowhere', { stdinOnce: true })),
    { code: 'ENOENT' },
  );
  attachments.end();
  assert.equal(await text(waits.stdout), '');
});

test('a terminal has the size that it is given', async () => {
  const { id, directory, exit } = await create({
    args: ['sh', '-c', 'until [ "$(stty size)" = "33 77" ]; do sleep 0.02; done; stty size'],
    terminal: true,
    stdin: true,
  });
  const streams = await attach(directory, { stdin: true, stdout: true });
  await runtime.startProcess(id);
  await resize(directory, 33, 77);
  assert.match(await text(streams.stdout), /33 77/);
  await exit;
  await runtime.deleteContainer(id);
});

test('an exec has streams and an exit code of its own', async () => {
  const { id, directory, input, exit } = await create({ args: ['sleep', '100'] });
  await runtime.startProcess(id);
  const exec = { command: ['sh', '-c', 'cat; echo $A; exit 3'], env: ['A=b'] };
  const execution = await runtime.execute({
    id,
    execId: 'e'.repeat(64),
    directory: join(directory, 'exec1'),
    process: execProcess(input, exec, await readHost()),
    terminal: false,
    attach: { stdin: true, stdout: true, stderr: true },
  });
  execution.attachment?.stdin?.end('in\n');
  assert.equal(await text(execution.attachment!.stdout), 'in\nb\n');
  assert.equal(await execution.exitCode, 3);
  await assert.rejects(
    runtime.execute({
      id,
      execId: 'f'.repeat(64),
      directory: join(directory, 'exec2'),
      process: execProcess(input, { command: ['nope'] }, await readHost()),
      terminal: false,
      attach: { stdout: true, stderr: true },
    }),
    (error: Error) => /exec: "nope": executable file not found in \$PATH: unknown$/.test(error.message),
  );
  await runtime.signal(id, 9);
  assert.equal((await exit).code, 137);
  await runtime.deleteContainer(id);
});

for (const [command, exitCode, words] of [
  ['nope', 127, /exec: "nope": executable file not found in \$PATH: unknown$/],
  ['/nope', 127, /no such file or directory: unknown$/],
  ['/etc/passwd', 126, /permission denied: unknown$/],
  ['/etc', 126, /(permission denied|is a directory): unknown$/],
] as const) {
  test(`a command that cannot be run: ${command}`, async () => {
    const id = newId();
    await assert.rejects(create({ id, args: [command] }), (error: Error) => {
      assert.match(error.message, words);
      assert.equal(startExitCode(error), exitCode);
      return true;
    });
    await runtime.deleteContainer(id);
  });
}
