/** @module docs/daemon.md has each flag of the daemon, and docs/api.md only routes that are there. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fastify } from 'fastify';
import { expect, test } from 'vitest';
import { createApi, type DaemonInfo } from '../api/app.ts';
import { EventHub } from '../api/events.ts';
import type { Engine } from '../network/engine.ts';
import { FILE_KEYS, FLAGS } from './flags.ts';

const read = (page: string): string => readFileSync(join(import.meta.dirname, '../../docs', page), 'utf8');

test('docs/daemon.md has every flag with its key, and no other', () => {
  const rows = [...read('daemon.md').matchAll(/^\| (?:`-(\w)`, )?`--([\w-]+)` \| (?:`([\w-]+)`)? ?\|/gm)];
  const described = rows.map(([, short, name, key]) => ({ name, short, key }));
  expect(described).toEqual(FLAGS.map(({ name, short, key }) => ({ name, short, key })));
});

test('docs/daemon.md has every key that is no flag', () => {
  const [, table = ''] = /These keys are no flags:\n\n(.*?)\n\n## /s.exec(read('daemon.md')) ?? [];
  const described = [...table.matchAll(/^\| `([\w-]+)` \|/gm)].map(([, key]) => key);
  expect(described).toEqual(FILE_KEYS.map(({ key }) => key));
});

test('docs/api.md tells of no route below /pontoon/ that is not there', () => {
  const info = {
    version: '',
    dataRoot: '/',
    runRoot: '/',
    labels: [],
    debug: false,
  } satisfies DaemonInfo;
  // No route is called: the engine is asked nothing.
  const app = createApi({ engine: {} as Engine, info, events: new EventHub(), log: fastify().log });
  const rows = [...read('api.md').matchAll(/^\| `([A-Z]+) (\/pontoon\/[^`?]+)/gm)];
  expect(rows.length).toBeGreaterThan(10);
  for (const [, method, path] of rows) {
    const route = { method: method as 'GET', url: path!.replace('ID', ':id') };
    expect(app.hasRoute(route), `${method} ${path}`).toBe(true);
  }
});
