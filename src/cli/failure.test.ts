import { openSync, renameSync } from 'node:fs';
import { expect, test } from 'vitest';
import { describeFailure } from './failure.ts';

test.each([
  [() => openSync('/nope/x', 'r'), 'open /nope/x: no such file or directory'],
  [() => renameSync('/nope/x', '/nope/y'), 'rename /nope/x: no such file or directory'],
  [() => openSync('/proc/version/x', 'r'), 'open /proc/version/x: not a directory'],
])('%s', (call, text) => {
  try {
    call();
  } catch (error) {
    expect(describeFailure(error)).toEqual({ text: `pontoon: ${text}`, status: 1 });
  }
  expect.assertions(1);
});
