import { expect, test } from 'vitest';
import { parseBoolean } from './booleans.ts';
import { humanDuration, parseDurationNs } from './durations.ts';
import { parseSizeBytes } from './sizes.ts';

test.each([
  ['1', true],
  ['True', true],
  ['f', false],
  ['FALSE', false],
  ['yes', undefined],
  ['', undefined],
])('parseBoolean %j', (text, expected) => expect(parseBoolean(text)).toBe(expected));

test.each([
  ['0', 0],
  ['24h', 86_400e9],
  ['1h30m', 5400e9],
  ['1.5s', 1.5e9],
  ['.5ms', 5e5],
  ['3us', 3000],
  ['3µs', 3000],
  ['7ns', 7],
  ['10', undefined],
  ['1d', undefined],
  ['1m 30s', undefined],
  ['', undefined],
])('parseDurationNs %j', (text, expected) => expect(parseDurationNs(text)).toBe(expected));

// The right sides are what docker/go-units gives.
const SECOND = 1000;
const HOUR = 3600 * SECOND;
test.each([
  [-SECOND, 'Less than a second'],
  [999, 'Less than a second'],
  [SECOND, '1 second'],
  [59_999, '59 seconds'],
  [60 * SECOND, 'About a minute'],
  [120 * SECOND, '2 minutes'],
  [HOUR, 'About an hour'],
  [1.5 * HOUR, '2 hours'],
  [47 * HOUR, '47 hours'],
  [48 * HOUR, '2 days'],
  [14 * 24 * HOUR, '2 weeks'],
  [60 * 24 * HOUR, '2 months'],
  [800 * 24 * HOUR, '2 years'],
])('humanDuration %d', (ms, expected) => expect(humanDuration(ms)).toBe(expected));

test.each([
  ['1024', 1024],
  ['64k', 65_536],
  ['1.5g', 1_610_612_736],
  ['512MiB', 536_870_912],
  ['10 kb', 10_240],
  ['5B', 5],
  ['1 g b', undefined],
  ['-1', undefined],
  ['', undefined],
])('parseSizeBytes %j', (text, expected) => expect(parseSizeBytes(text)).toBe(expected));
