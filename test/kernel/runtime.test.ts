/** @module The runtime under conmon: a process in a container, its streams, execs, terminal and exit. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  attach,
  execProcess,
  readHost,
  resize,
  resolveUser,
  startExitCode,
} from '../../src/container/runtime/index.ts';
import { closeYard, create, nextId, rootPath, runtime } from '../support/container-yard.ts';

after(closeYard);

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
  const first = await attach(directory, { stdout: true });
  const second = await attach(directory, { stdout: true });
  await runtime.startProcess(id);
  await new Promise((resolve) => second.stdout.once('data', resolve));
  await second[Symbol.asyncDispose]();
  assert.equal(await text(first.stdout), 'one\ntwo\n');
  await exit;
  await runtime.deleteContainer(id);
});

test('one who only listened does not end the input of the others', async () => {
  const { id, directory, exit } = await create({ args: ['cat'], stdin: true });
  const writer = await attach(directory, { stdin: true, stdout: true });
  const listener = await attach(directory, { stdout: true }, { lingers: true });
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

test('a terminal has the size that it is given', async () => {
  const { id, directory, exit } = await create({
    args: ['sh', '-c', 'read line; stty size'],
    terminal: true,
    stdin: true,
  });
  const streams = await attach(directory, { stdin: true, stdout: true });
  await runtime.startProcess(id);
  await resize(directory, 33, 77);
  await sleep(100);
  streams.stdin?.write('\n');
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
    process: execProcess(input, exec, resolveUser(rootPath, ''), await readHost()),
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
      process: execProcess(input, { command: ['nope'] }, resolveUser(rootPath, ''), await readHost()),
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
    const id = nextId();
    await assert.rejects(create({ id, args: [command] }), (error: Error) => {
      assert.match(error.message, words);
      assert.equal(startExitCode(error), exitCode);
      return true;
    });
    await runtime.deleteContainer(id);
  });
}
