import { expect, test } from 'vitest';
import { checkContainerName, pickName } from './names.ts';
import { isPruned } from './prune.ts';
import type { ContainerRecord } from './record.ts';
import { parseSignal } from './signals.ts';

test('two words that nobody has, also when most are taken', () => {
  expect(pickName(() => false)).toMatch(/^[a-z]+_[a-z]+$/);
  expect(pickName((name) => /^[a-z_]+$/.test(name))).toMatch(/^[a-z]+_[a-z]+\d+$/);
});

test.each(['a', '', '-ab', 'a b', 'a/b', '.ab'])('%s is no name', (name) => {
  expect(() => checkContainerName(name)).toThrow(`Invalid container name (${name})`);
});

test.each([
  ['SIGTERM', 15],
  ['term', 15],
  ['9', 9],
  ['RTMIN', 34],
  ['SIGRTMIN+3', 37],
  ['SIGRTMAX-1', 63],
])('signal %s is %i', (text, number) => {
  expect(parseSignal(text)).toBe(number);
});

test.each(['SIGNOPE', '0', '65', ''])('%s is no signal', (text) => {
  expect(() => parseSignal(text)).toThrow(`Invalid signal: ${text}`);
});

test('prune: by state, age and labels', () => {
  const record = { phase: 'exited', createdMs: 100, spec: { labels: { a: '1' } } } as unknown as ContainerRecord;
  expect(isPruned(record, {})).toBe(true);
  expect(isPruned({ ...record, phase: 'running' }, {})).toBe(false);
  expect(isPruned(record, { untilMs: 100 })).toBe(false);
  expect(isPruned(record, { untilMs: 101, labels: ['a', 'a=1'] })).toBe(true);
  expect(isPruned(record, { labels: ['a=2'] })).toBe(false);
  expect(isPruned(record, { withoutLabels: ['a'] })).toBe(false);
});
