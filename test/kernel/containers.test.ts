/**
 * @module Containers from their creation to their removal, as Docker's clients expect them.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { PontoonError } from '../../src/index.ts';
import { assertNothingLeft, BUSYBOX, openContainerLab, readAll } from '../support/container-lab.ts';

const lab = await openContainerLab();

/** The actions of a container's events, without those of its network. */
function actionsOf(id: string): string[] {
  return lab.events.filter((event) => event.id === id).map(({ action }) => action);
}

async function collect<T>(all: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const one of all) list.push(one);
  return list;
}

test('a container runs to its end: its output, its exit code, its events', async () => {
  const { containers } = lab;
  const { id, exitCode, stdout, stderr } = await lab.run('echo out; echo err >&2; exit 3', { name: 'first' });
  assert.deepEqual({ exitCode, stdout, stderr }, { exitCode: 3, stdout: 'out\n', stderr: 'err\n' });
  const { state, name } = containers.find(id.slice(0, 8));
  assert.equal(name, 'first');
  assert.deepEqual([state.status, state.exitCode, state.pid, state.error], ['exited', 3, 0, '']);
  assert.deepEqual(actionsOf(id), ['create', 'attach', 'start', 'die']);
  const die = lab.events.find((event) => event.id === id && event.action === 'die');
  assert.equal(die?.attributes.exitCode, '3');
  assert.equal(die?.attributes.name, 'first');
  const entries = await collect(containers.logs(id, { stdout: true, stderr: true }));
  assert.deepEqual(
    entries.map(({ stream, data }) => [stream, String(data)]),
    [
      ['stdout', 'out\n'],
      ['stderr', 'err\n'],
    ],
  );
  await containers.remove('first');
  assert.throws(() => containers.find('first'), { code: 'container-not-found', message: 'No such container: first' });
  assertNothingLeft(lab);
});

test('it has a network, names, an environment and a root of its own', async () => {
  const { stdout } = await lab.run(
    'hostname; echo $HOSTNAME $HOME $PATH; cat /etc/hosts; ip -4 -o addr show eth0; pwd',
    {
      hostname: 'inside',
      env: ['PATH=/bin'],
      workingDirectory: '/made/here',
    },
  );
  const [hostname, env, ...rest] = stdout.trimEnd().split('\n');
  assert.equal(hostname, 'inside');
  assert.equal(env, 'inside /root /bin');
  assert.match(rest.join('\n'), /172\.17\.\d+\.\d+\tinside\n/);
  assert.match(rest.at(-2)!, /inet 172\.17\./);
  assert.equal(rest.at(-1), '/made/here');
});

test('--rm removes the container with its anonymous volumes when it ends, also when it cannot start', async () => {
  const { containers, volumes } = lab;
  const mounts = [
    { type: 'volume', target: '/anonymous' },
    { type: 'volume', source: 'named', target: '/named' },
  ] as const;
  const { id } = await containers.create({ image: BUSYBOX, command: ['true'], autoRemove: true, mounts });
  assert.equal(volumes.list().length, 2);
  const removed = containers.wait(id, { condition: 'removed' });
  await containers.start(id);
  assert.deepEqual(await removed, { exitCode: 0 });
  assert.deepEqual(
    volumes.list().map(({ name }) => name),
    ['named'],
  );
  await volumes.remove('named');
  const broken = await containers.create({ image: BUSYBOX, command: ['/no/such'], autoRemove: true });
  const gone = containers.wait(broken.id, { condition: 'removed' });
  await assert.rejects(containers.start(broken.id), (error) => PontoonError.is(error, 'start-failed'));
  assert.deepEqual(await gone, { exitCode: 127 });
});

test('a command that is not there, or cannot be run, is a failed start', async () => {
  const { containers } = lab;
  for (const [command, exitCode, words] of [
    ['/no/such', 127, /no such file or directory/],
    ['nosuch', 127, /executable file not found in \$PATH/],
    ['/etc/hostname', 126, /permission denied/],
  ] as const) {
    const { id } = await containers.create({ image: BUSYBOX, command: [command] });
    await assert.rejects(containers.start(id), words);
    const { state } = containers.find(id);
    assert.deepEqual([state.status, state.exitCode, state.pid], ['created', exitCode, 0]);
    assert.match(state.error, words);
    assertNothingLeft(lab);
    await containers.remove(id);
  }
});

test('stop asks first, and kills after the time-out', async () => {
  const { containers } = lab;
  const polite = await containers.create({
    image: BUSYBOX,
    command: ['sh', '-c', 'trap "exit 7" TERM; echo trapped; sleep 100 & wait'],
  });
  await using streams = await containers.attach(polite.id, { stdout: true });
  await containers.start(polite.id);
  await once(streams.stdout, 'data'); // the first process of a container does not hear what it has no trap for
  assert.equal(await containers.stop(polite.id), true);
  assert.equal(containers.find(polite.id).state.exitCode, 7);
  assert.equal(await containers.stop(polite.id), false);
  assert.deepEqual(actionsOf(polite.id), ['create', 'attach', 'start', 'kill', 'die', 'stop']);

  const deaf = await containers.create({ image: BUSYBOX, command: ['sleep', '100'] });
  await containers.start(deaf.id);
  await containers.stop(deaf.id, { timeoutSeconds: 0 });
  assert.equal(containers.find(deaf.id).state.exitCode, 137);

  const quit = await containers.create({ image: BUSYBOX, command: ['sleep', '100'], stopSignal: 'SIGKILL' });
  await containers.start(quit.id);
  await containers.stop(quit.id, { timeoutSeconds: 100 });
  assert.equal(containers.find(quit.id).state.exitCode, 137);
});

test('kill sends any signal; init hands it on', async () => {
  const { containers } = lab;
  const { id } = await containers.create({ image: BUSYBOX, command: ['sleep', '100'], init: true });
  await containers.start(id);
  const exit = containers.wait(id);
  await containers.kill(id, 'TERM');
  assert.deepEqual(await exit, { exitCode: 143 });
  await assert.rejects(containers.kill(id), { code: 'container-state', message: /is not running/ });
  await assert.rejects(containers.kill(id, 'SIGNOPE'), { code: 'bad-value', message: 'Invalid signal: SIGNOPE' });
});

test('after a kill the container has ended, and may be removed', async () => {
  const { containers } = lab;
  for (let at = 0; at < 5; at++) {
    const { id } = await containers.create({ image: BUSYBOX, command: ['sleep', '100'] });
    await containers.start(id);
    await containers.kill(id);
    assert.equal(containers.find(id).state.status, 'exited');
    await containers.remove(id);
  }
});

test('a signal that comes before its handler is not lost', async () => {
  const { containers } = lab;
  const script = 'sleep 0.1; trap "exit 5" TERM; while true; do sleep 0.01; done';
  const { id } = await containers.create({ image: BUSYBOX, command: ['sh', '-c', script] });
  await containers.start(id);
  await containers.stop(id, { timeoutSeconds: 60 });
  assert.equal(containers.find(id).state.exitCode, 5);
  await containers.remove(id);
  // dash blocks all signals while it forks, which is not to say that it wants them.
  const forking = `for i in 1 2 3 4 5; do /bin/true; /bin/true; /bin/true; /bin/true; done; ${script}`;
  const busy = await containers.create({ image: 'pontoon/host', command: ['dash', '-c', forking] });
  await containers.start(busy.id);
  await containers.stop(busy.id, { timeoutSeconds: 60 });
  assert.equal(containers.find(busy.id).state.exitCode, 5);
  await containers.remove(busy.id);
  // One that will never have a handler is not waited for, where nobody has the time.
  const deaf = await containers.create({ image: BUSYBOX, command: ['sleep', '100'] });
  await containers.start(deaf.id);
  await containers.stop(deaf.id, { timeoutSeconds: 0 });
  assert.equal(containers.find(deaf.id).state.exitCode, 137);
  await containers.remove(deaf.id);
});

test('whoever is asked to end has the whole time for it, however long the asking took', async () => {
  const { containers } = lab;
  const script = 'trap "sleep 0.5; exit 5" TERM; while true; do sleep 0.01; done';
  const { id } = await containers.create({ image: BUSYBOX, command: ['sh', '-c', script] });
  await containers.start(id);
  const before = containers.kill(id, 'USR1'); // it waits a second for a handler
  await containers.stop(id, { timeoutSeconds: 1 });
  await before;
  assert.equal(containers.find(id).state.exitCode, 5);
  await containers.remove(id);
});

test('a time-out that is longer than any timer is no time-out at once', async () => {
  const { containers } = lab;
  const script = 'trap "sleep 0.5; exit 5" TERM; while true; do sleep 0.01; done';
  const { id } = await containers.create({ image: BUSYBOX, command: ['sh', '-c', script] });
  await containers.start(id);
  await containers.stop(id, { timeoutSeconds: 999_999_999 });
  assert.equal(containers.find(id).state.exitCode, 5);
  await containers.remove(id);
});

test('an input that was not opened has no end', async () => {
  const { containers } = lab;
  const { id } = await containers.create({ image: BUSYBOX, command: ['sh', '-c', 'sleep 0.3; echo after'] });
  const before = await containers.attach(id, { stdin: true, stdout: true });
  await containers.start(id);
  const later = await containers.attach(id, { stdin: true, stdout: true });
  assert.deepEqual([before.stdin, later.stdin], [undefined, undefined]);
  assert.deepEqual(await Promise.all([before, later].map(({ stdout }) => readAll(stdout))), ['after\n', 'after\n']);
  await containers.wait(id);
  await containers.remove(id);
});

test('pause freezes, unpause goes on; a paused one can be stopped and must not be removed', async () => {
  const { containers } = lab;
  const { id } = await containers.create({ name: 'cold', image: BUSYBOX, command: ['sleep', '100'], init: true });
  await containers.start(id);
  await containers.pause(id);
  assert.equal(containers.find(id).state.status, 'paused');
  await assert.rejects(containers.pause(id), { message: `Container ${id} is already paused` });
  await assert.rejects(
    containers.createExec(id, { command: ['true'] }),
    /is paused, unpause the container before exec/,
  );
  await assert.rejects(containers.remove(id), /You cannot remove a paused container/);
  await containers.unpause(id);
  await assert.rejects(containers.unpause(id), { message: `Container ${id} is not paused` });
  await assert.rejects(containers.remove(id), /You cannot remove a running container/);
  await containers.pause(id);
  await containers.stop(id, { timeoutSeconds: 5 });
  assert.deepEqual([containers.find(id).state.status, containers.find(id).state.exitCode], ['exited', 143]);
  await containers.remove('cold');
});

test('names: one each, two words by default, renamed live', async () => {
  const { containers } = lab;
  const { id } = await containers.create({ name: 'taken', image: BUSYBOX, command: ['sleep', '100'] });
  await assert.rejects(containers.create({ name: 'taken', image: BUSYBOX }), {
    code: 'name-taken',
    message: `Conflict. The container name "/taken" is already in use by container "${id}". You have to remove (or rename) that container to be able to reuse that name.`,
  });
  const both = await Promise.allSettled([1, 2].map(() => containers.create({ name: 'race', image: BUSYBOX })));
  assert.deepEqual(both.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  await containers.start(id);
  await containers.rename('taken', 'renamed');
  assert.equal(containers.find('renamed').id, id);
  assert.equal(lab.engine.inspectSandbox(id).name, 'renamed');
  assert.match((await containers.create({ image: BUSYBOX })).name, /^[a-z]+_[a-z]+$/);
  await assert.rejects(containers.create({ name: 'a/b', image: BUSYBOX }), /Invalid container name \(a\/b\)/);
  await containers.remove('renamed', { force: true });
});

test('standard input: what was sent before the start arrives, its end ends the process', async () => {
  const { containers } = lab;
  const { id } = await containers.create({ image: BUSYBOX, command: ['cat'], openStdin: true, stdinOnce: true });
  await using attachment = await containers.attach(id, { stdin: true, stdout: true, stderr: true });
  const output = readAll(attachment.stdout);
  attachment.stdin!.end('typed\n');
  await containers.start(id);
  assert.equal(await output, 'typed\n');
  assert.deepEqual(await containers.wait(id), { exitCode: 0 });
});

test('a client that goes away, and a process that leaves its input unread, disturb nobody', async () => {
  const { containers, failures } = lab;
  const spec = { image: BUSYBOX, openStdin: true, stdinOnce: false } as const;
  const { id } = await containers.create({ ...spec, command: ['sh', '-c', 'echo before; sleep 0.3; echo after'] });
  const gone = await containers.attach(id, { stdin: true, stdout: true });
  const stays = await containers.attach(id, { stdout: true });
  const output = readAll(stays.stdout);
  await containers.start(id);
  gone.stdin?.write('x'.repeat(1 << 20));
  await gone[Symbol.asyncDispose]();
  assert.equal(await output, 'before\nafter\n');
  assert.deepEqual(await containers.wait(id), { exitCode: 0 });
  assert.deepEqual(failures, []);
});

test('exec: output, exit code, user, working directory', async () => {
  const { containers } = lab;
  const { id } = await containers.create({ image: BUSYBOX, command: ['sleep', '100'], env: ['A=1'] });
  await assert.rejects(containers.createExec(id, { command: ['true'] }), { message: `Container ${id} is not running` });
  await containers.start(id);
  const exec = await containers.createExec(id, {
    command: ['sh', '-c', 'echo $A $B; pwd; id -u; exit 9'],
    env: ['B=2'],
    workingDirectory: '/tmp',
    user: '1000',
    stdout: true,
  });
  const attachment = await containers.startExec(exec.id);
  assert.equal(await readAll(attachment!.stdout), '1 2\n/tmp\n1000\n');
  const { running, exitCode } = containers.inspectExec(exec.id);
  assert.deepEqual({ running, exitCode }, { running: false, exitCode: 9 });
  await assert.rejects(containers.startExec(exec.id), /has already run/);
  assert.throws(() => containers.inspectExec('none'), { code: 'exec-not-found' });
  await containers.remove(id, { force: true });
  assertNothingLeft(lab);
});

test('restart policies: on-failure gives up, always goes on until somebody stops it', async () => {
  const { containers } = lab;
  const failing = await containers.create({
    image: BUSYBOX,
    command: ['false'],
    restart: { name: 'on-failure', maximumRetries: 2 },
  });
  await containers.start(failing.id);
  while (containers.find(failing.id).state.status !== 'exited') await containers.wait(failing.id);
  assert.equal(containers.find(failing.id).restartCount, 2);
  const steady = await containers.create({
    image: BUSYBOX,
    command: ['true'],
    restart: { name: 'always', maximumRetries: 0 },
  });
  await containers.start(steady.id);
  for (let ends = 0; ends < 3; ends++) await containers.wait(steady.id, { condition: 'next-exit' });
  await containers.stop(steady.id);
  assert.equal(containers.find(steady.id).state.status, 'exited');
  assert.ok(containers.find(steady.id).restartCount >= 2);
  await containers.remove(steady.id); // 'always' means to start it with the next daemon
});

test('whoever waits for one that is to be started again hears when somebody stops it', async () => {
  const { containers } = lab;
  const restart = { name: 'always', maximumRetries: 0 } as const;
  const { id } = await containers.create({ image: BUSYBOX, command: ['false'], restart });
  await containers.start(id);
  while (containers.find(id).state.status !== 'restarting' || containers.find(id).restartCount < 3) await sleep(10);
  const waits = containers.wait(id);
  await containers.stop(id);
  assert.deepEqual(await waits, { exitCode: 1 });
  await containers.remove(id);
});

test('the log of one that has never run is empty, also for a follower', async () => {
  const { id } = await lab.containers.create({ image: BUSYBOX });
  for await (const line of lab.containers.logs(id, { follow: true })) assert.fail(String(line.data));
  await lab.containers.remove(id);
});

test('a command that nobody has started goes with the run', async () => {
  const { containers } = lab;
  const { id } = await containers.create({ image: BUSYBOX, command: ['sleep', '100'], init: true });
  await containers.start(id);
  const exec = await containers.createExec(id, { command: ['true'] });
  await containers.restart(id);
  assert.deepEqual(containers.execIds(id), []);
  await assert.rejects(containers.startExec(exec.id), { code: 'exec-not-found' });
  await containers.remove(id, { force: true });
});

test('one that is removed when it ends gets no restart policy', async () => {
  const { containers } = lab;
  const { id } = await containers.create({ image: BUSYBOX, autoRemove: true });
  const restart = { name: 'always', maximumRetries: 0 } as const;
  await assert.rejects(containers.update(id, { restart }), /AutoRemove is enabled/);
  await containers.remove(id);
});

test('restart stops and starts again, also one that is removed when it ends', async () => {
  const { containers } = lab;
  const { id } = await containers.create({ image: BUSYBOX, command: ['sleep', '100'], init: true, autoRemove: true });
  await containers.start(id);
  const { pid } = containers.find(id).state;
  await containers.restart(id);
  const { state } = containers.find(id);
  assert.equal(state.status, 'running');
  assert.notEqual(state.pid, pid);
  const removed = containers.wait(id, { condition: 'removed' });
  await containers.stop(id);
  await removed;
});

test('a closed one is found again: who ran on, who ended meanwhile, and how', async () => {
  const { containers } = lab;
  const spec = { image: BUSYBOX, init: true } as const;
  await containers.create({ ...spec, name: 'on', command: ['sh', '-c', 'while sleep 0.1; do echo tick; done'] });
  await containers.create({ ...spec, name: 'off', command: ['sh', '-c', 'sleep 0.3; exit 5'] });
  await containers.create({
    ...spec,
    name: 'again',
    command: ['sh', '-c', 'sleep 0.3; exit 6'],
    restart: { name: 'always', maximumRetries: 0 },
  });
  for (const name of ['on', 'off', 'again']) await containers.start(name);
  const { pid } = containers.find('on').state;
  await lab.reopen(() => new Promise((resolve) => setTimeout(resolve, 700)));
  assert.equal(lab.containers.find('on').state.pid, pid);
  assert.deepEqual([lab.containers.find('off').state.status, lab.containers.find('off').state.exitCode], ['exited', 5]);
  assert.notEqual(lab.containers.find('again').state.status, 'exited');
  const exec = await lab.containers.createExec('on', { command: ['echo', 'hello'], stdout: true });
  assert.equal(await readAll((await lab.containers.startExec(exec.id))!.stdout), 'hello\n');
  {
    await using streams = await lab.containers.attach('on', { stdout: true });
    const [tick] = (await once(streams.stdout, 'data')) as [Buffer];
    assert.match(String(tick), /^(tick\n)+$/);
  }
  await lab.containers.stop('again');
  await lab.containers.stop('on');
  assert.equal(lab.containers.find('on').state.exitCode, 143);
  assertNothingLeft(lab);
  assert.ok(existsSync(lab.containers.find('on').paths.log));
});
