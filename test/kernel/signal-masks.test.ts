/** @module Which signals a process would notice: by its place in its PID namespace and by what it does with them. */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { after, test } from 'node:test';
import { findInit } from '../../src/container/runtime/index.ts';
import { fateOfSignal } from '../../src/kernel/signal-masks.ts';
import { openWorld, until } from './support.ts';

openWorld()[Symbol.dispose]();

const { SIGTERM, SIGUSR1, SIGKILL, SIGSTOP } = constants.signals;
const started: ChildProcess[] = [];
after(() => {
  for (const child of started) child.kill('SIGKILL');
});

/** Starts a program as the first process of a new PID namespace; returns its number here. */
async function first(...command: string[]): Promise<number> {
  const child = spawn('unshare', ['--pid', '--fork', '--kill-child', ...command], { stdio: 'ignore' });
  started.push(child);
  const children = () => readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim();
  await until(() => children() !== '', 'a child');
  return Number(children());
}

test('one without handlers notices only what it cannot refuse', async () => {
  const pid = await first('sleep', '100');
  await until(() => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n', 'sleep');
  for (const [signal, expected] of [
    [SIGTERM, 'lost'],
    [SIGUSR1, 'lost'],
    [SIGKILL, 'noticed'],
    [SIGSTOP, 'noticed'],
  ] as const)
    assert.equal(fateOfSignal(pid, signal), expected, String(signal));
});

test('one that catches or ignores a signal notices that one, when it has come so far', async () => {
  for (const action of [':', '']) {
    const pid = await first('sh', '-c', `trap '${action}' TERM; while true; do sleep 0.1; done`);
    await until(() => fateOfSignal(pid, SIGTERM) === 'noticed', 'a handler');
    assert.notEqual(fateOfSignal(pid, SIGUSR1), 'noticed');
  }
});

test('a shell that forks has its signals blocked for a moment only', async () => {
  const pid = await first('sh', '-c', 'while true; do /bin/true; done');
  let blocked = 0;
  for (let look = 0; look < 2000; look++) {
    if (/^SigBlk:\t0*[1-9a-f]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))) blocked++;
    assert.notEqual(fateOfSignal(pid, SIGTERM), 'noticed');
  }
  assert.ok(blocked > 0);
});

test('one that blocks a signal, and does something else, may have a look at it later', async () => {
  const script = 'sigprocmask(SIG_BLOCK, POSIX::SigSet->new(SIGTERM)); sleep 100';
  const pid = await first('perl', '-MPOSIX', '-e', script);
  await until(() => fateOfSignal(pid, SIGTERM) === 'held', 'it is blocked');
  assert.equal(fateOfSignal(pid, SIGUSR1), 'lost');
});

test('an init that waits for signals notices them', async () => {
  const pid = await first(await findInit(), '--', 'sleep', '100');
  // Of the two, it blocks only the first: the other tells that it waits, not for what.
  await until(() => fateOfSignal(pid, SIGTERM) === 'noticed', 'it waits');
  assert.equal(fateOfSignal(pid, constants.signals.SIGSEGV), 'noticed');
});

test('one that is not the first of a namespace notices all, and nothing waits for one that is not there', async () => {
  const child = spawn('sleep', ['100'], { stdio: 'ignore' });
  const sibling = spawn('true', { stdio: 'ignore' });
  await once(sibling, 'exit');
  started.push(child);
  assert.equal(fateOfSignal(child.pid!, SIGTERM), 'noticed');
  assert.equal(fateOfSignal(sibling.pid!, SIGTERM), 'noticed');
});
