/**
 * @module The reaper: what fails in the background is said once, to whoever listens for that, and to nobody else.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Reaper } from '../../src/network/reaper.ts';

test('a deletion that failed is told, and no failure of those who wait for the others', async () => {
  const told: string[] = [];
  using reaper = new Reaper(({ message }) => told.push(message));
  reaper.run(() => Promise.reject(new Error('refused')));
  reaper.delete(['nobody']);
  await reaper.settled();
  await reaper.settled();
  assert.deepEqual(told, ['refused']);
});
