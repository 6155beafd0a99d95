import { describe, expect, it } from 'vitest';
import { PontoonError } from '../errors.ts';
import { parseTime } from './times.ts';

describe('parseTime', () => {
  const now = Date.UTC(2025, 0, 31, 12);

  it.each([
    ['0', 0],
    ['1738324800', now],
    ['1738324800.5', now + 500],
    ['10m', now - 600_000],
    ['1h30m', now - 5_400_000],
    ['1.5s', now - 1500],
    ['250ms', now - 250],
    ['1.m500000us', now - 60_500],
    ['2025-01-31T12:00:00Z', now],
    ['2025-01-31T13:00:00+01:00', now],
    ['2025-01-31', Date.UTC(2025, 0, 31)],
  ])('reads %s', (text, timeMs) => {
    expect(parseTime(text, now)).toBe(timeMs);
  });

  it.each(['', 'yesterday', '-10m', '10m ago', '10x', '2025-13-01', '1e3'])('refuses %s', (text) => {
    expect(() => parseTime(text, now)).toThrow(PontoonError);
  });
});
