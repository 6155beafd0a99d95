import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sampleSnapshot } from '../../../test/support/sample-snapshot.ts';
import { PontoonError } from '../../errors.ts';
import { parseSnapshot } from '../snapshot/parse.ts';
import { buildTopology, drawDot, drawMermaid, drawSvg, drawTree } from '../topology/index.ts';
import { describeFindings, examine } from './index.ts';

type Path = readonly (string | number)[];

const JUNK = [
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

test("a stranger's snapshot that is accepted is examined and drawn, whatever it says", () => {
  const places = placesIn(sampleSnapshot());
  const change = fc.record({ at: fc.nat(places.length - 1), value: fc.constantFrom(undefined, ...JUNK) });
  let accepted = 0;
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
      const document: unknown = JSON.parse(JSON.stringify(sampleSnapshot()));
      for (const { at, value } of changes) put(document, places[at] as Path, structuredClone(value));
      let snapshot: ReturnType<typeof parseSnapshot>;
      try {
        snapshot = parseSnapshot(JSON.stringify(document));
      } catch (error) {
        if (error instanceof PontoonError) return;
        throw error;
      }
      accepted += 1;
      const topology = buildTopology(snapshot);
      const texts = [drawTree, drawSvg, drawMermaid, drawDot].map((draw) => draw(topology));
      for (const text of [...texts, describeFindings(examine(snapshot))]) expect(text).not.toContain('\u001b');
    }),
    { numRuns: 1000 },
  );
  expect(accepted).toBeGreaterThan(50);
});
