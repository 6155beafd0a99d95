import { expect, test } from 'vitest';
import { compareNames } from './order.ts';
import { alignColumns } from './table.ts';
import { bytesSize, humanDuration, humanSize } from './units.ts';

// The right sides are what docker/go-units gives.
test.each([
  [0, '0B'],
  [999, '999B'],
  [1000, '1kB'],
  [1_984_162, '1.98MB'],
  [999_600, '1e+03kB'],
  [1_500_000_000, '1.5GB'],
])('humanSize %d', (bytes, expected) => expect(humanSize(bytes)).toBe(expected));

test.each([
  [0, '0B'],
  [7753, '7.571KiB'],
  [1_073_741_824, '1GiB'],
  [8_123_456_789, '7.566GiB'],
])('bytesSize %d', (bytes, expected) => expect(bytesSize(bytes)).toBe(expected));

const SECOND = 1000;
const HOUR = 3600 * SECOND;
test.each([
  [450, 'Less than a second'],
  [SECOND, '1 second'],
  [59 * SECOND, '59 seconds'],
  [61 * SECOND, 'About a minute'],
  [120 * SECOND, '2 minutes'],
  [59 * 60 * SECOND, '59 minutes'],
  [HOUR, 'About an hour'],
  [1.6 * HOUR, '2 hours'],
  [47 * HOUR, '47 hours'],
  [48 * HOUR, '2 days'],
  [13 * 24 * HOUR, '13 days'],
  [14 * 24 * HOUR, '2 weeks'],
  [60 * 24 * HOUR, '2 months'],
  [800 * 24 * HOUR, '2 years'],
])('humanDuration %d', (milliseconds, expected) => expect(humanDuration(milliseconds)).toBe(expected));

test('columns are as wide as their widest cell and three spaces, at least ten', () => {
  expect(alignColumns(['A\tB\tC', 'long name here\t…\tlast'])).toEqual([
    'A                B         C',
    'long name here   …         last',
  ]);
});

test('names are in the order of their numbers', () => {
  const names = ['net10', 'net2', 'a', 'net', '10', '9', 'net2b'];
  expect(names.toSorted(compareNames)).toEqual(['9', '10', 'a', 'net', 'net2', 'net2b', 'net10']);
});
