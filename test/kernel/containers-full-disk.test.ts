/**
 * @module Containers on a full disk: clear errors, nothing half made, and all is well when there is room again.
 */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { PontoonError } from '../../src/index.ts';
import { assertNothingLeft, BUSYBOX, openContainerLab } from '../support/container-lab.ts';

const directory = mkdtempSync(join(tmpdir(), 'full-'));
const dataRoot = join(directory, 'data');
execFileSync('sh', ['-c', `mkdir ${dataRoot} && mount -t tmpfs -o size=24m tmpfs ${dataRoot}`]);
const lab = await openContainerLab({ dataRoot, runRoot: join(directory, 'run') });
const filling = join(dataRoot, 'filling');

/** Takes all the room that is left. */
function fill(): void {
  for (let bytes = 1 << 20; bytes >= 1; bytes >>= 1) {
    try {
      for (;;) writeFileSync(filling, Buffer.alloc(bytes), { flag: 'a' });
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
    }
  }
}

test('a create, a start and an end without room', async () => {
  const { containers } = lab;
  await lab.run('true', { name: 'warm' });
  await containers.create({
    image: BUSYBOX,
    name: 'runs',
    command: ['sh', '-c', 'read line; exit 5'],
    openStdin: true,
  });
  await containers.start('runs');
  await containers.create({ image: BUSYBOX, name: 'made', command: ['true'] });
  fill();
  const create = containers.create({ image: BUSYBOX, name: 'not-made', command: ['true'] });
  await assert.rejects(create, (error) => PontoonError.is(error, 'store', 'disk-full'));
  await assert.rejects(containers.start('made'), (error) => PontoonError.is(error, 'store', 'disk-full'));
  assertNothingLeft(lab);
  const exit = containers.wait('runs');
  await using streams = await containers.attach('runs', { stdin: true });
  streams.stdin?.write('now\n');
  await new Promise((resolve) => setTimeout(resolve, 500));
  rmSync(filling);
  assert.deepEqual(await exit, { exitCode: 5 });
  await containers.start('made');
  await containers.wait('made');
  assertNothingLeft(lab);
  // A start that can neither be made nor undone is found to have ended when there is room again.
  await containers.create({ image: BUSYBOX, name: 'stuck', command: ['no-such-program'] });
  const fillAtLaunch = (message: unknown): void => {
    if ((message as { step: string }).step === 'container stuck: launch') fill();
  };
  subscribe('pontoon:step', fillAtLaunch);
  await assert.rejects(containers.start('stuck'));
  unsubscribe('pontoon:step', fillAtLaunch);
  assert.equal(containers.find('stuck').state.status, 'running');
  const end = containers.wait('stuck');
  rmSync(filling);
  assert.deepEqual(await end, { exitCode: 255 });
  await containers.remove('stuck');
  assertNothingLeft(lab);
  assert.ok(
    lab.failures.every((line) => /store|no space/.test(line)),
    lab.failures.join('\n'),
  );
  lab.failures.length = 0;
});
