/**
 * @module The examples: each runs in a world of its own, and every outcome that it promises comes true. Those that type
 * `docker` do so by each client that is here: the one on PATH, the one of Debian, and `pontoon` in its place.
 */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';

const DIRECTORY = join(import.meta.dirname, '../../examples');
const EXAMPLES = globSync(join(DIRECTORY, '[0-9]*.sh')).toSorted();

/** What else can be typed for `docker`. */
const CLIENTS = ['/usr/bin/docker', join(import.meta.dirname, '../../bin/pontoon')].filter((path) => existsSync(path));

for (const path of EXAMPLES) {
  const script = readFileSync(path, 'utf8');
  const promised = script.match(/^ *(check|becomes) /gm)?.length ?? 0;
  test(basename(path), () => keepsItsPromises(path, promised));
  if (!script.includes('start_pontoon')) continue;
  for (const client of CLIENTS) {
    test(`${basename(path)} by ${client}`, () => keepsItsPromises(path, promised, client));
  }
}

async function keepsItsPromises(path: string, promised: number, client?: string): Promise<void> {
  const { status, output } = await run(path, { ...process.env, PONTOON_EXAMPLE_CLIENT: client });
  assert.equal(status, 0, output);
  assert.equal(output.match(/^ {2}✓ /gm)?.length, promised, output);
  assert.ok(promised >= 4, `only ${promised} outcomes are checked`);
}

test('the table of contents lists them all', () => {
  const table = readFileSync(join(DIRECTORY, 'README.md'), 'utf8');
  const listed = [...table.matchAll(/^\| \[.*?\]\((.*?)\)/gm)].map(([, name]) => name);
  assert.deepEqual(
    listed,
    EXAMPLES.map((path) => basename(path)),
  );
});

function run(path: string, env: NodeJS.ProcessEnv): Promise<{ status: unknown; output: string }> {
  return new Promise((resolve) => {
    execFile(path, { env, maxBuffer: 1 << 24 }, (error, stdout, stderr) =>
      resolve({ status: error === null ? 0 : (error.code ?? error.message), output: stdout + stderr }),
    );
  });
}
