import { openSync, renameSync } from 'node:fs';
import { expect, test } from 'vitest';
import { describeFailure } from './failure.ts';

test.each([
  ['open /nope/x: no such file or directory', () => openSync('/nope/x', 'r')],
  ['rename /nope/x: no such file or directory', () => renameSync('/nope/x', '/nope/y')],
  ['open /proc/version/x: not a directory', () => openSync('/proc/version/x', 'r')],
])('%s', (text, call) => {
  try {
    call();
  } catch (error) {
    expect(describeFailure(error)).toEqual({ text: `pontoon: ${text}`, status: 1 });
  }
  expect.assertions(1);
});
