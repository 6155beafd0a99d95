/** @module Golden files: expected texts beside the tests. UPDATE_GOLDEN=1 writes them anew; then read the difference. */

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Compares `actual` with test/kernel/golden/`name`. */
export function assertGolden(name: string, actual: string): void {
  const path = join(import.meta.dirname, 'golden', name);
  if (process.env.UPDATE_GOLDEN === '1') writeFileSync(path, actual);
  assert.equal(
    actual,
    readFileSync(path, 'utf8'),
    `${name} differs: see it, and run with UPDATE_GOLDEN=1 if it is right`,
  );
}
