/** @module The store of the containers: what is in it is there again, in both its parts, and what an older one wrote too. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ContainerRecord } from './record.ts';
import { ContainerStore } from './store.ts';

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'store-'));
  path = join(directory, 'containers.db');
});
afterEach(() => rmSync(directory, { recursive: true }));

function record(id: string, change: Partial<ContainerRecord> = {}): ContainerRecord {
  const spec = { name: id, image: 'busybox', labels: { id } } as unknown as ContainerRecord['spec'];
  return {
    id,
    name: id,
    createdMs: id.charCodeAt(0),
    spec,
    phase: 'created',
    exitCode: 0,
    ...change,
  } as ContainerRecord;
}

function all(): ContainerRecord[] {
  using store = new ContainerStore(path);
  return store.all();
}

test('what was put is there again, the oldest first, and what was removed is not', () => {
  const [a, b, c] = ['a', 'b', 'c'].map((id) => record(id));
  {
    using store = new ContainerStore(path);
    for (const one of [c, a, b]) store.put(one!);
    store.remove('b');
  }
  expect(all()).toEqual([a, c]);
});

test('a record whose other part is gone is told, and not left out', () => {
  {
    using store = new ContainerStore(path);
    store.put(record('a'));
  }
  {
    using database = new DatabaseSync(path);
    database.exec('DELETE FROM specs');
  }
  expect(all).toThrow(/cannot be used \(container a has no spec\): restore it from a copy/);
});

test('a change of one part leaves the other as it is', () => {
  const first = record('a');
  const started = { ...first, phase: 'running' } as const;
  const renamed = { ...started, spec: { ...started.spec, name: 'new' } };
  {
    using store = new ContainerStore(path);
    store.put(first);
    store.put(started, first);
  }
  expect(all()).toEqual([started]);
  {
    using store = new ContainerStore(path);
    store.put(renamed, started);
  }
  expect(all()).toEqual([renamed]);
});

test('no part of a record is left when it is removed, nor of one that could not be written', () => {
  {
    using store = new ContainerStore(path);
    store.put(record('a'));
    store.remove('a');
    const unwritable = { toJSON: () => Promise.reject } as unknown as ContainerRecord['spec'];
    expect(() => store.put(record('b', { spec: unwritable }))).toThrow(/refused to write/);
    store.put(record('c'));
  }
  using database = new DatabaseSync(path);
  expect(database.prepare('SELECT id FROM containers').all()).toEqual([{ id: 'c' }]);
  expect(database.prepare('SELECT id FROM specs').all()).toEqual([{ id: 'c' }]);
});

test('a store of the first schema is taken over', () => {
  const old = [record('a'), record('b', { phase: 'exited' })];
  {
    using database = new DatabaseSync(path);
    database.exec('CREATE TABLE containers (id TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT, WITHOUT ROWID');
    const put = database.prepare('INSERT INTO containers VALUES (?, ?)');
    for (const one of old) put.run(one.id, JSON.stringify(one));
    database.exec('PRAGMA user_version = 1');
  }
  expect(all()).toEqual(old);
  expect(all()).toEqual(old);
});
