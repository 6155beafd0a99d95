import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { booleanOf, integerOf, parse, timeOf } from './parse.ts';

const SCHEMA = z.object({
  Name: z.string(),
  Count: z.int().optional(),
  IPAM: z.object({ Config: z.array(z.object({ Subnet: z.string().optional() })).optional() }).optional(),
  Labels: z.record(z.string(), z.string()).optional(),
  Endpoints: z.record(z.string(), z.object({ Aliases: z.array(z.string()).optional() }).nullable()).optional(),
});

describe('bodies are read as Go reads them', () => {
  test('names in any case, at any depth; the names of a map are data', () => {
    const value = {
      name: 'n',
      ipam: { CONFIG: [{ sUBNET: 's' }] },
      labels: { Name: 'x' },
      endpoints: { Net: { aliases: [] } },
    };
    expect(parse(SCHEMA, value)).toEqual({
      Name: 'n',
      IPAM: { Config: [{ Subnet: 's' }] },
      Labels: { Name: 'x' },
      Endpoints: { Net: { Aliases: [] } },
    });
  });

  test('null is nothing, except where it is a value', () => {
    expect(parse(SCHEMA, { Name: 'n', Count: null, IPAM: null, Endpoints: { net: null } })).toEqual({
      Name: 'n',
      Endpoints: { net: null },
    });
  });

  test('unknown fields are accepted', () => {
    expect(parse(SCHEMA, { Name: 'n', Nonsense: { deep: true } })).toEqual({ Name: 'n' });
  });

  test.each([
    [{}, 'invalid JSON: field Name is missing'],
    [{ Name: 5 }, 'invalid JSON: cannot unmarshal number into field Name of type string'],
    [{ Name: 'n', Count: '5' }, 'invalid JSON: cannot unmarshal string into field Count of type'],
    [{ Name: 'n', IPAM: { Config: [{}, { subnet: [] }] } }, 'array into field IPAM.Config[1].Subnet of type string'],
    [{ Name: 'n', Labels: [] }, 'cannot unmarshal array into field Labels of type record'],
    [[], 'cannot unmarshal array into the body of type object'],
    ['text', 'cannot unmarshal string into the body of type object'],
  ])('%j is refused: %s', (value, words) => {
    expect(() => parse(SCHEMA, value)).toThrow(
      expect.objectContaining({ status: 400, message: expect.stringContaining(words) }),
    );
  });

  test('any JSON is read or refused, and prototypes are left alone', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string(), (value, key) => {
        for (const body of [value, { Name: value, [key]: value }, JSON.parse('{"__proto__": {"x": 1}, "Name": "n"}')]) {
          try {
            parse(SCHEMA, body);
          } catch (error) {
            expect(error).toMatchObject({ status: 400 });
          }
        }
        expect(({} as Record<string, unknown>).x).toBeUndefined();
      }),
    );
  });
});

describe('query parameters', () => {
  test.each([
    ['1', true],
    ['true', true],
    ['anything', true],
    ['0', false],
    ['False', false],
    ['no', false],
    ['none', false],
    ['', false],
    [['1', '0'], false],
  ])('%j as a boolean', (value, expected) => expect(booleanOf(value)).toBe(expected));

  test('whole numbers', () => {
    expect(integerOf('t', '10')).toBe(10);
    expect(integerOf('t', '-1')).toBe(-1);
    expect(integerOf('t', undefined)).toBeUndefined();
    expect(() => integerOf('t', '1.5')).toThrow(/invalid value for 't'/);
  });

  test.each([
    ['1700000000', 1_700_000_000_000_000_000n],
    ['1700000000.123456789', 1_700_000_000_123_456_789n],
    ['1700000000.5', 1_700_000_000_500_000_000n],
    ['2023-11-14T22:13:20Z', 1_700_000_000_000_000_000n],
    ['0', undefined],
    ['', undefined],
  ])('%s as a time', (text, expected) => expect(timeOf('since', text)).toBe(expected));
});
