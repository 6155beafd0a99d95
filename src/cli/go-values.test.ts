import { expect, test } from 'vitest';
import { parseBytes, parseDuration, readBoolean } from './go-values.ts';

test.each([
  ['1024', 1024],
  ['64k', 65_536],
  ['1.5g', 1_610_612_736],
  ['512MiB', 536_870_912],
  ['10 kb', 10_240],
  ['5B', 5],
])('parseBytes %s', (text, expected) => expect(parseBytes(text)).toBe(expected));

test.each([
  ['0', 0],
  ['30s', 30e9],
  ['1m30s', 90e9],
  ['1.5h', 5400e9],
  ['500ms', 5e8],
])('parseDuration %s', (text, expected) => expect(parseDuration(text)).toBe(expected));

test.each(['', 'm', '-1', '1x', '1 g b'])('parseBytes refuses %j', (text) => {
  expect(() => parseBytes(text)).toThrow(expect.objectContaining({ code: 'bad-value' }));
});

test.each(['', '5', '1m 30s', 's'])('parseDuration refuses %j', (text) => {
  expect(() => parseDuration(text)).toThrow(expect.objectContaining({ code: 'bad-value' }));
});

test.each([
  ['1', true],
  ['T', true],
  ['False', false],
  ['f', false],
  ['tRue', undefined],
  ['yes', undefined],
  ['', undefined],
])('readBoolean %s', (text, expected) => expect(readBoolean(text)).toBe(expected));
