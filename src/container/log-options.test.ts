import { expect, test } from 'vitest';
import { logSizeBytes } from './log-options.ts';

test.each([
  ['10m', 10 * 1024 ** 2],
  ['1g', 1024 ** 3],
  ['64K', 64 * 1024],
  ['1.5kb', 1536],
  ['100', 100],
  ['-1', undefined],
])('max-size=%s', (text, bytes) => {
  expect(logSizeBytes({ 'max-size': text })).toBe(bytes);
});

test('no option is no limit, and nonsense is refused', () => {
  expect(logSizeBytes()).toBeUndefined();
  for (const text of ['', '0', 'ten', '10x', '-5m'])
    expect(() => logSizeBytes({ 'max-size': text })).toThrow('max-size');
});
