import fc from 'fast-check';
import { expect, test } from 'vitest';
import { strangeSnapshots } from '../../../test/support/strange-snapshots.ts';
import { buildTopology, drawDot, drawMermaid, drawSvg, drawTree } from '../topology/index.ts';
import { describeFindings, examine } from './index.ts';

test("a stranger's snapshot that is accepted is examined and drawn, whatever it says", () => {
  let accepted = 0;
  fc.assert(
    fc.property(strangeSnapshots(), (snapshot) => {
      if (snapshot === undefined) return;
      accepted += 1;
      const topology = buildTopology(snapshot);
      const texts = [drawTree, drawSvg, drawMermaid, drawDot].map((draw) => draw(topology));
      for (const text of [...texts, describeFindings(examine(snapshot))]) expect(text).not.toContain('\u001b');
    }),
    { numRuns: 1000 },
  );
  expect(accepted).toBeGreaterThan(50);
});
