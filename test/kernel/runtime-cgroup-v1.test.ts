/**
 * @module A host with cgroup v1 alone, where a directory beside the hierarchies is none of them: crun takes it for one,
 * and makes files there.
 */

import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { detachMount, mount } from '../../src/kernel/mounts.ts';

const STRAY = '/sys/fs/cgroup/unified';

test('of a container nothing is left there', async (t) => {
  if (!existsSync(STRAY)) {
    t.skip(`this host has no ${STRAY}`);
    return;
  }
  mount('tmpfs', STRAY, 'tmpfs', 0); // before anybody looks what kind of host this is
  const { closeYard, runToEnd, runtime } = await import('../support/container-yard.ts');
  try {
    const { id, code } = await runToEnd({ args: ['true'] });
    assert.equal(code, 0);
    assert.deepEqual(readdirSync(`${STRAY}/pontoon`), [id]);
    await runtime.deleteContainer(id);
    assert.deepEqual(readdirSync(`${STRAY}/pontoon`), []);
  } finally {
    closeYard();
    detachMount(STRAY);
  }
});
