import { expect, test } from 'vitest';
import { parseBytes, parseDuration } from './go-values.ts';

test('what cannot be read is refused with how to write it', () => {
  expect(parseBytes('64k')).toBe(65_536);
  expect(parseDuration('1m30s')).toBe(90e9);
  const refusal = (message: RegExp) =>
    expect.objectContaining({ code: 'bad-value', message: expect.stringMatching(message) });
  expect(() => parseBytes('1x')).toThrow(refusal(/the size '1x': write bytes/));
  expect(() => parseDuration('5')).toThrow(refusal(/the duration '5': write it as 30s/));
});
