/**
 * @module SIGKILL while images are loaded, tagged and removed: what the store says is there is whole, nothing else is.
 */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openImages } from '../../src/container/images/index.ts';
import { digestOf, dockerArchive, tarOf } from '../support/image-archives.ts';

const ROUNDS = 12;
const SEED = Number(process.env.PONTOON_TEST_SEED ?? Date.now() % 2 ** 31);

/** Numbers in 0…1 that the seed determines. @see Park and Miller 1988 */
function createRandom(seed: number): () => number {
  let state = (seed % 2147483646) + 1;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

test(`a store that was killed at any moment is whole (PONTOON_TEST_SEED=${SEED})`, async () => {
  const random = createRandom(SEED);
  const root = mkdtempSync(join(tmpdir(), 'pontoon-kill-'));
  const roots = { dataRoot: join(root, 'data'), runRoot: join(root, 'run') };
  const store = join(roots.dataRoot, 'images');
  const shared = await tarOf([{ name: 'shared', content: Buffer.alloc(300_000, 's') }]);
  const archives: string[] = [];
  for (let at = 0; at < 3; at++) {
    const files = Array.from({ length: 100 }, (_, file) => ({ name: `d/${file}`, content: `${at}${file}` }));
    const path = join(root, `${at}.tar`);
    writeFileSync(path, await dockerArchive({ layers: [shared, await tarOf(files)], names: [`image:${at}`] }));
    archives.push(path);
  }
  for (let round = 0; round < ROUNDS; round++) {
    const command = [join(import.meta.dirname, '../support/images-child.ts'), root, ...archives];
    const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    await sleep(random() * 400);
    assert.equal(child.exitCode, null, 'the child ended by itself');
    child.kill('SIGKILL');
    await once(child, 'exit');
    const images = await openImages(roots);
    assert.deepEqual(readdirSync(join(store, 'stages')), []);
    const expected = new Set<string>();
    for (const { id, layers } of images.list()) {
      for (const digest of [id, ...layers]) expected.add(digest.slice(7));
      const { lower } = await images.root(id);
      if (layers.length === 2) assert.equal(readdirSync(join(lower, 'd')).length, 100);
    }
    const manifests = JSON.parse(readFileSync(join(store, 'index.json'), 'utf8')).manifests as { digest: string }[];
    for (const { digest } of manifests) expected.add(digest.slice(7));
    const blobs = readdirSync(join(store, 'blobs/sha256'));
    assert.deepEqual(blobs.sort(), [...expected].sort());
    for (const name of blobs) assert.equal(digestOf(readFileSync(join(store, 'blobs/sha256', name))), `sha256:${name}`);
    assert.equal((await images.load(createReadStream(archives[round % 3] as string))).length, 1);
  }
});
