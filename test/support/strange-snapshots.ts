/**
 * @module Snapshots as a stranger may send them: the sample with junk in random places, as far as it is accepted.
 */

import fc from 'fast-check';
import { PontoonError } from '../../src/errors.ts';
import { parseSnapshot } from '../../src/observe/snapshot/parse.ts';
import type { Snapshot } from '../../src/observe/snapshot/types.ts';
import { sampleSnapshot } from './sample-snapshot.ts';

type Path = readonly (string | number)[];

const JUNK = [
  undefined,
  '',
  '::',
  '0.0.0.0/0',
  '10.0.0.1/99',
  'net:[4026532001]',
  '\u001b[2J',
  '<b>',
  '-1',
  null,
  -1,
  0,
  1,
  2,
  4,
  6,
  1e9,
  true,
  [],
  {},
];

/** Accepted ones; undefined: the parser refused it. It throws what is no PontoonError. */
export function strangeSnapshots(): fc.Arbitrary<Snapshot | undefined> {
  const places = placesIn(sampleSnapshot());
  const change = fc.record({ at: fc.nat(places.length - 1), value: fc.constantFrom(...JUNK) });
  return fc.array(change, { minLength: 1, maxLength: 4 }).map((changes) => {
    const document: unknown = JSON.parse(JSON.stringify(sampleSnapshot()));
    for (const { at, value } of changes) put(document, places[at] as Path, structuredClone(value));
    try {
      return parseSnapshot(JSON.stringify(document));
    } catch (error) {
      if (error instanceof PontoonError) return undefined;
      throw error;
    }
  });
}

/** Every place in a document. */
function placesIn(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, one]) => placesIn(one, [...path, key]))].filter(
    ({ length }) => length > 0,
  );
}

function put(document: unknown, path: Path, value: unknown): void {
  const parent = path.slice(0, -1).reduce((at: unknown, key) => (at as Record<string, unknown>)?.[key], document);
  if (typeof parent !== 'object' || parent === null) return;
  const key = path.at(-1) as string;
  if (value === undefined) delete (parent as Record<string, unknown>)[key];
  else (parent as Record<string, unknown>)[key] = value;
}
