/** @module Delays that Node's timers would not take. */

import { expect, test } from 'vitest';
import { abortAfter, delayMs } from './delays.ts';

test.each([
  [-5, 0],
  [0, 0],
  [1.5, 2],
  [2 ** 31 - 1, 2 ** 31 - 1],
  [2 ** 31, 2 ** 31 - 1],
  [Number.POSITIVE_INFINITY, 2 ** 31 - 1],
])('%d ms', (asked, given) => {
  expect(delayMs(asked)).toBe(given);
});

test('a far time does not come at once', async () => {
  const signal = abortAfter(999_999_999_000);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(signal.aborted).toBe(false);
});
