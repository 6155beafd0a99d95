import { expect, test } from 'vitest';
import { isInsecure } from './insecure.ts';

test.each([
  ['localhost:5000', true],
  ['127.8.0.1:5000', true],
  ['[::1]:5000', true],
  ['10.1.2.3', true],
  ['10.1.2.3:5000', true],
  ['[fd00::5]:5000', true],
  ['registry.lan:5000', true],
  ['registry.lan', false],
  ['11.1.2.3', false],
])('%s: %s', (registry, expected) => {
  expect(isInsecure(registry, ['10.0.0.0/8', 'fd00::/16', 'registry.lan:5000'])).toBe(expected);
});
