import { describe, expect, test } from 'vitest';
import { type Filters, parseFilters } from './filters.ts';

const filters = (value: unknown): Filters => parseFilters(JSON.stringify(value));

describe('filters', () => {
  test('the form of new clients and that of old ones', () => {
    expect(filters({ name: { a: true, b: true, c: false } }).values('name')).toEqual(['a', 'b']);
    expect(filters({ name: ['a', 'b'] }).values('name')).toEqual(['a', 'b']);
    expect(parseFilters(undefined).has('name')).toBe(false);
    expect(parseFilters('').has('name')).toBe(false);
  });

  test.each(['xx', '[]', '5', '{"a": 5}', '{"a": [5]}', '{"a": {"b": "c"}}', 'null'])('%s is refused', (text) => {
    expect(() => parseFilters(text)).toThrow(expect.objectContaining({ status: 400 }));
  });

  test('one value more', () => {
    expect(
      filters({ reference: ['a'] })
        .with('reference', 'b')
        .values('reference'),
    ).toEqual(['a', 'b']);
    expect(filters({}).with('reference', 'b').values('reference')).toEqual(['b']);
  });

  test('values are alternatives, labels must all fit', () => {
    const some = filters({ name: ['a', 'b'], label: ['x', 'y=1'], 'label!': ['z'] });
    expect(some.exact('name', 'b')).toBe(true);
    expect(some.exact('name', 'c')).toBe(false);
    expect(some.matches('name', 'xay')).toBe(true);
    expect(some.labels({ x: '', y: '1' })).toBe(true);
    expect(some.labels({ x: '', y: '2' })).toBe(false);
    expect(some.labels({ x: '', y: '1', z: '' })).toBe(false);
    expect(filters({ label: ['a=b=c'] }).labels({ a: 'b=c' })).toBe(true);
    expect(filters({ label: ['toString'] }).labels({})).toBe(false);
  });

  test('names are regular expressions, or the very text', () => {
    const named = filters({ name: ['^my.*t$', 'a(b'] });
    expect(['mynet', 'mynets', 'a(b', 'xa(b'].filter((name) => named.matches('name', name))).toEqual(['mynet', 'a(b']);
  });

  test.each([{ name: [] }, { name: {} }, { name: { a: false } }])('%j asks for nothing', (value) => {
    expect(filters(value).has('name')).toBe(false);
    expect(filters(value).exact('name', 'x')).toBe(true);
  });

  test('unknown keys and strange booleans are refused', () => {
    expect(() => filters({ foo: ['x'] }).allow('name')).toThrow(/invalid filter 'foo'/);
    expect(filters({ dangling: ['true'] }).boolean('dangling')).toBe(true);
    expect(filters({ dangling: ['0'] }).boolean('dangling')).toBe(false);
    expect(() => filters({ dangling: ['maybe'] }).boolean('dangling')).toThrow(/invalid filter 'dangling=\[maybe\]'/);
  });

  test('until', () => {
    expect(filters({ until: ['1h'] }).untilMs(7_200_000)).toBe(3_600_000);
    expect(filters({ until: ['1700000000'] }).untilMs()).toBe(1_700_000_000_000);
    expect(filters({ until: ['0'] }).untilMs(7_200_000)).toBe(0);
    expect(filters({}).untilMs()).toBeUndefined();
    expect(() => filters({ until: ['1h', '2h'] }).untilMs()).toThrow(/more than one/);
    expect(() => filters({ until: ['soon'] }).untilMs()).toThrow(/no time/);
  });
});
