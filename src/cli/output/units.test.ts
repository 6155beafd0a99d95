import { expect, test } from 'vitest';
import { compareNames } from './order.ts';
import { alignColumns } from './table.ts';
import { bytesSize, humanSize } from './units.ts';

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
