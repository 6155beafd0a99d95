/**
 * @module The examples: each runs in a world of its own, and every outcome that it promises comes true.
 */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';

const DIRECTORY = join(import.meta.dirname, '../../examples');
const EXAMPLES = globSync(join(DIRECTORY, '[0-9]*.sh')).toSorted();

for (const path of EXAMPLES) {
  test(basename(path), async () => {
    const promised = readFileSync(path, 'utf8').match(/^ *(check|becomes) /gm)?.length ?? 0;
    const { status, output } = await run(path);
    assert.equal(status, 0, output);
    assert.equal(output.match(/^ {2}✓ /gm)?.length, promised, output);
    assert.ok(promised >= 4, `only ${promised} outcomes are checked`);
  });
}

test('the table of contents lists them all', () => {
  const table = readFileSync(join(DIRECTORY, 'README.md'), 'utf8');
  const listed = [...table.matchAll(/^\| \[.*?\]\((.*?)\)/gm)].map(([, name]) => name);
  assert.deepEqual(
    listed,
    EXAMPLES.map((path) => basename(path)),
  );
});

function run(path: string): Promise<{ status: unknown; output: string }> {
  return new Promise((resolve) => {
    execFile(path, { maxBuffer: 1 << 24 }, (error, stdout, stderr) =>
      resolve({ status: error === null ? 0 : (error.code ?? error.message), output: stdout + stderr }),
    );
  });
}
