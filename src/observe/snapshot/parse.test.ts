import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HOST, sampleSnapshot } from '../../../test/support/sample-snapshot.ts';
import { PontoonError } from '../../errors.ts';
import { checkSnapshot, parseSnapshot } from './parse.ts';

function complaint(document: unknown): string {
  try {
    checkSnapshot(document);
  } catch (error) {
    expect(PontoonError.is(error, 'bad-value')).toBe(true);
    return (error as Error).message;
  }
  return '';
}

describe('what is accepted', () => {
  test('a snapshot comes back as it was', () => {
    expect(parseSnapshot(JSON.stringify(sampleSnapshot()))).toEqual(sampleSnapshot());
  });

  test('fields that this version does not know are left out, whatever they are', () => {
    const text = JSON.stringify(sampleSnapshot()).replace('{', '{"__proto__":{"polluted":true},"later":[1],');
    const read = parseSnapshot(text);
    expect(read).toEqual(sampleSnapshot());
    expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
  });

  test('keys that are data stay data', () => {
    const text = JSON.stringify(sampleSnapshot()).replace('"owner":"alice"', '"__proto__":"alice"');
    const [web] = parseSnapshot(text).containers;
    expect(Object.entries(web!.labels)).toEqual([['__proto__', 'alice']]);
  });
});

describe('what is refused, in one line that says where', () => {
  const host = ['namespaces', 0] as const;
  const cases: readonly [string, Path, unknown, string][] = [
    ['another format', ['format'], 'x', "its format is not 'pontoon-snapshot'"],
    ['a later version', ['version'], 2, 'it is of version 2, and this Pontoon reads version 1'],
    ['a list for an object', ['host'], [], 'host is [], not an object'],
    ['a wrong type', [...host, 'links', 1, 'mtuBytes'], '1500', 'links[1].mtuBytes is "1500", not a whole number'],
    ['a wrong word', [...host, 'neighbours', 0, 'state'], 'ALIVE', 'neighbours[0].state is "ALIVE", not "NONE" or'],
    ['no address', [...host, 'addresses', 0, 'address'], '127.1', 'addresses[0].address is "127.1", not an IP address'],
    ['no prefix', [...host, 'routes', 0, 'destination'], '10.0.0.0/33', 'destination is "10.0.0.0/33", not a prefix'],
    ['no MAC', [...host, 'links', 1, 'mac'], '52:54', 'links[1].mac is "52:54", not a MAC address'],
    ['a number that no kernel has', [...host, 'links', 0, 'index'], 2 ** 40, 'must be from 0 to 2147483647'],
    ['two of one namespace', ['namespaces', 1, 'id'], HOST, `two namespaces are ${HOST}`],
    [
      'nesting without end',
      [...host, 'nftables', 'ruleset', 0],
      { rule: nested(1000) },
      'is nested deeper than 64 levels',
    ],
  ];
  test.each(cases)('%s', (_, path, value, expected) => {
    const message = complaint(put(path, value));
    expect(message).toContain(expected);
    expect(message).toMatch(/^this is no snapshot: .*$/);
  });

  test('nothing, and a missing field', () => {
    expect(complaint(null)).toContain("its format is not 'pontoon-snapshot'");
    const { host: _, ...rest } = sampleSnapshot();
    expect(complaint(rest)).toContain('host is missing');
  });

  test('text that is no JSON', () => {
    expect(() => parseSnapshot('{')).toThrow('it is not JSON');
  });
});

describe('anything at all', () => {
  test('is accepted or refused in one line', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(complaint(value).split('\n')).toHaveLength(1);
      }),
    );
  });

  test('so is a snapshot with anything in any place', () => {
    const paths = placesIn(sampleSnapshot());
    fc.assert(
      fc.property(fc.constantFrom(...paths), fc.jsonValue(), (path, value) => {
        const document = put(path, value);
        expect(complaint(document).split('\n')).toHaveLength(1);
      }),
      { numRuns: 2000 },
    );
  });
});

type Path = readonly (string | number)[];

/** The sample with another value in one place. */
function put(path: Path, value: unknown): unknown {
  const document: unknown = structuredClone(sampleSnapshot());
  let at = document as Record<string | number, unknown>;
  for (const step of path.slice(0, -1)) at = at[step] as typeof at;
  at[path.at(-1)!] = value;
  return document;
}

function nested(depth: number): unknown {
  return depth === 0 ? 0 : { deeper: nested(depth - 1) };
}

function placesIn(value: unknown, path: Path = []): Path[] {
  const below =
    typeof value === 'object' && value !== null
      ? Object.entries(value).flatMap(([key, one]) => placesIn(one, [...path, key]))
      : [];
  return path.length === 0 ? below : [path, ...below];
}
