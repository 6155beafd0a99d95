/** @module Cgroups of a container: limits that hold, what it uses, who runs in it, want of memory, pausing. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { cgroupOf } from '../../src/container/cgroup.ts';
import { cgroupPath, ranOutOfMemory } from '../../src/container/runtime/index.ts';
import { readUsage } from '../../src/container/stats.ts';
import { listProcesses } from '../../src/container/top.ts';
import { closeYard, create, runToEnd, runtime } from '../support/container-yard.ts';

after(closeYard);

const MIB = 1024 * 1024;

test('limits are those of its cgroup, and change while it runs', async () => {
  const resources = { memoryBytes: 64 * MIB, pidsLimit: 50, nanoCpus: 5e8 };
  const { id, pid, exit } = await create({ args: ['sleep', '100'], spec: { resources } });
  await runtime.startProcess(id);
  const usage = await readUsage(pid);
  assert.equal(usage.memory.limitBytes, 64 * MIB);
  assert.deepEqual(usage.pids, { current: 1, limit: 50 });
  await runtime.update(id, { memoryBytes: 96 * MIB, memorySwapBytes: 192 * MIB, pidsLimit: 60 });
  const changed = await readUsage(pid);
  assert.equal(changed.memory.limitBytes, 96 * MIB);
  assert.equal(changed.pids.limit, 60);
  await runtime.update(id, { pidsLimit: -1 });
  await runtime.update(id, {}); // changes nothing
  await runtime.signal(id, 9);
  assert.equal((await exit).code, 137);
  await runtime.deleteContainer(id);
});

test('usage counts time, memory and processes; top lists them', async () => {
  const script = 'i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; sleep 100 & sleep 101; true';
  const { id, pid, exit } = await create({ args: ['sh', '-c', script] });
  await runtime.startProcess(id);
  const count = async () => (await (await cgroupOf(pid)).processes()).length;
  while ((await count()) < 3) await sleep(50);
  const usage = await readUsage(pid);
  assert.ok(usage.cpu.totalNs > 0);
  assert.ok(usage.cpu.hostNs > usage.cpu.totalNs);
  assert.ok(usage.memory.usageBytes > 0);
  assert.deepEqual(usage.networks, {}); // only lo, which counts for nobody
  assert.equal(usage.pids.current, 3);
  const { titles, processes } = await listProcesses(pid);
  assert.equal(processes.length, 3);
  const commands = processes.map((row) => row[titles.indexOf('CMD')]).sort();
  assert.deepEqual(commands.slice(-2), ['sleep 100', 'sleep 101']);
  assert.deepEqual((await listProcesses(pid, '-o pid,comm')).titles, ['PID', 'COMMAND']);
  await assert.rejects(listProcesses(pid, '-o comm'), /PID/);
  await assert.rejects(listProcesses(pid, '--nonsense'), { code: 'bad-value' });
  await runtime.signal(id, 9);
  await exit;
  await assert.rejects(readUsage(pid), { code: 'container-state' });
  await runtime.deleteContainer(id);
});

test('what the kernel kills for want of memory is marked', async () => {
  const args = ['sh', '-c', 'a=xxxxxxxx; while :; do a=$a$a; done'];
  const { id, directory, input, code } = await runToEnd({ args, spec: { resources: { memoryBytes: 8 * MIB } } });
  assert.equal(code, 137);
  assert.equal(ranOutOfMemory(directory, cgroupPath(input)), true);
  await runtime.deleteContainer(id);
  const fine = await runToEnd({ args: ['true'] });
  assert.equal(ranOutOfMemory(fine.directory, cgroupPath(fine.input)), false);
  await runtime.deleteContainer(fine.id);
});

test('a paused container does nothing until it goes on', async () => {
  const { id, exit, logPath } = await create({ args: ['sh', '-c', 'while :; do echo tick; sleep 0.02; done'] });
  await runtime.startProcess(id);
  const lines = () => readFileSync(logPath, 'utf8').split('\n').length;
  while (lines() < 3) await sleep(20);
  await runtime.pause(id);
  // What was said before is still being written.
  let paused = -1;
  for (let looks = 0; looks < 20 && lines() !== paused; looks++) {
    paused = lines();
    await sleep(200);
  }
  assert.equal(lines(), paused);
  await runtime.resume(id);
  while (lines() === paused) await sleep(20);
  await runtime.signal(id, 9);
  await exit;
  await runtime.deleteContainer(id);
});

test('nothing of a deleted container is left in the cgroups; deleting again does nothing', async () => {
  const { id, pid } = await create({ args: ['sleep', '100'] });
  await runtime.startProcess(id);
  const membership = readFileSync(`/proc/${pid}/cgroup`, 'utf8');
  assert.match(membership, new RegExp(`/pontoon/${id}`));
  await runtime.deleteContainer(id);
  await assert.rejects(cgroupOf(pid), { code: 'container-state' });
  await runtime.deleteContainer(id);
});
