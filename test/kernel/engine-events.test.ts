/**
 * @module Events: what is said of each operation, in order, to every reader, now and since.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { EngineEvent } from '../../src/index.ts';
import { isPontoonError, openLab } from '../support/lab.ts';

const lab = await openLab({ defaultNetwork: false, guardRules: false });

/** Reads events until there are `count` of them. */
async function read(count: number, options: { since?: number } = {}): Promise<EngineEvent[]> {
  const events: EngineEvent[] = [];
  for await (const event of lab.engine.events(options)) if (events.push(event) === count) break;
  return events;
}

const words = (events: readonly EngineEvent[]): string[] => events.map(({ type, action }) => `${type} ${action}`);

test('each operation is told in order, to every reader', async () => {
  const { engine } = lab;
  const started = Date.now();
  const readers = [read(15), read(15), read(5)];
  const { id: networkId } = await engine.createNetwork({ name: 'net' });
  const { id: sandboxId } = await engine.createSandbox({ name: 'web' });
  await engine.attach('web', 'net');
  await engine.publish('web', { port: 80, hostPort: 8080 });
  await engine.unpublish('web', { port: 80 });
  await engine.stopSandbox('web');
  await engine.startSandbox('web');
  await engine.updateSandbox('web', { extraHosts: [] });
  await engine.detach('web', 'net');
  await engine.removeSandbox('web');
  await engine.removeNetwork('net');
  await engine.createNetwork({ name: 'next' });
  const [first, second, short] = (await Promise.all(readers)) as [EngineEvent[], EngineEvent[], EngineEvent[]];
  assert.deepEqual(words(first), [
    'network create',
    'sandbox create',
    'sandbox start',
    'network connect',
    'port publish',
    'port unpublish',
    'network disconnect',
    'sandbox stop',
    'sandbox start',
    'network connect',
    'sandbox update',
    'network disconnect',
    'sandbox destroy',
    'network destroy',
    'network create',
  ]);
  assert.deepEqual(second, first);
  assert.deepEqual(short, first.slice(0, 5));
  assert.deepEqual(
    first.map(({ sequence }) => sequence),
    first.map((_, index) => first[0]!.sequence + index),
  );
  for (const { timeMs } of first) assert.ok(timeMs >= started && timeMs <= Date.now());
  assert.equal(first[0]?.id, networkId);
  assert.deepEqual(first[0]?.attributes, { name: 'net', type: 'bridge' });
  assert.deepEqual(first[3]?.attributes, { name: 'net', type: 'bridge', container: sandboxId });
  assert.deepEqual(first[4]?.attributes, { name: 'web', host: '*:8080/tcp', port: '80' });
  await engine.removeNetwork('next');
});

test('a new sandbox with endpoints is one operation with an event for each', async () => {
  const { engine } = lab;
  for (const name of ['a', 'b']) await engine.createNetwork({ name });
  const reader = read(7);
  await lab.sandbox('both', ['a', 'b']);
  await engine.removeSandbox('both');
  assert.deepEqual(words(await reader), [
    'sandbox create',
    'sandbox start',
    'network connect',
    'network connect',
    'network disconnect',
    'network disconnect',
    'sandbox destroy',
  ]);
  await engine.pruneNetworks();
});

test('a sandbox that does not run is connected when it starts', async () => {
  const { engine } = lab;
  for (const name of ['a', 'b']) await engine.createNetwork({ name });
  const reader = read(4);
  await lab.sandbox('both', ['a'], { running: false });
  await engine.attach('both', 'b');
  await engine.detach('both', 'a');
  await engine.startSandbox('both');
  await engine.removeSandbox('both');
  const events = await reader;
  assert.deepEqual(words(events), ['sandbox create', 'sandbox start', 'network connect', 'network disconnect']);
  assert.deepEqual(
    events.slice(2).map(({ attributes }) => attributes.name),
    ['b', 'b'],
  );
  await engine.pruneNetworks();
});

test('what failed before it began is not told', async () => {
  const { engine } = lab;
  const reader = read(1);
  await assert.rejects(engine.createNetwork({ name: 'host' }), isPontoonError('name-taken'));
  await assert.rejects(lab.sandbox('lost', ['nowhere']), isPontoonError('network-not-found'));
  await engine.createNetwork({ name: 'told' });
  assert.deepEqual((await reader)[0]?.attributes, { name: 'told', type: 'bridge' });
  await engine.removeNetwork('told');
});

test('an attach that failed half-way is told at once, and leaves nothing', async () => {
  const { engine } = lab;
  await engine.createNetwork({ name: 'half' });
  const { files } = await engine.createSandbox({ name: 'web' });
  const before = readFileSync(files.hosts, 'utf8');
  const events = read(2);
  await lab.sh('host', 'nft delete table inet pontoon');
  const ports = [{ port: 80, hostPort: 8090 }];
  await assert.rejects(engine.attach('web', 'half', { ports }), isPontoonError('kernel'));
  assert.deepEqual(words(await events), ['network connect', 'network disconnect']);
  assert.equal(readFileSync(files.hosts, 'utf8'), before);
  await engine.reconcile();
  assert.deepEqual((await engine.attach('web', 'half', { ports })).ports[0]?.hostPort, [8090, 8090]);
  await engine.removeSandbox('web');
  await engine.removeNetwork('half');
});

test('what happened since a time is told first, then what happens', async () => {
  const { engine } = lab;
  const [first] = (await read(1, { since: 0 })) as [EngineEvent];
  assert.equal(first.sequence, 1, 'nothing is forgotten so soon');
  await new Promise((resolve) => setTimeout(resolve, 5));
  const since = Date.now();
  await engine.createNetwork({ name: 'before' });
  const reader = read(3, { since });
  await engine.removeNetwork('before');
  await engine.createNetwork({ name: 'after' });
  assert.deepEqual(words(await reader), ['network create', 'network destroy', 'network create']);
  await engine.removeNetwork('after');
});

test('events outlive the engine, and their numbers go on', async () => {
  const { sequence, timeMs } = await nextOf(() => lab.engine.createNetwork({ name: 'kept' }));
  await lab.reopen();
  const [again] = (await read(1, { since: timeMs })) as [EngineEvent];
  assert.equal(again.sequence, sequence);
  assert.equal((await nextOf(() => lab.engine.removeNetwork('kept'))).sequence, sequence + 1);
});

test('a reader ends with its signal, and all end with the engine', async () => {
  const abort = new AbortController();
  const stopped = (async () => {
    let events = 0;
    for await (const _event of lab.engine.events({ signal: abort.signal })) if (++events === 1) abort.abort();
    return events;
  })();
  const closed = (async () => {
    let events = 0;
    for await (const _event of lab.engine.events()) events++;
    return events;
  })();
  await lab.engine.createNetwork({ name: 'one' });
  assert.equal(await stopped, 1);
  await nextOf(() => lab.engine.removeNetwork('one'));
  await lab.reopen();
  assert.equal(await closed, 2);
});

test('a slow reader misses nothing', async () => {
  const { engine } = lab;
  const seen: string[] = [];
  const reading = (async () => {
    for await (const {
      attributes: { name = '' },
    } of engine.events()) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      if (seen.push(name) === 20) return;
    }
  })();
  const names = Array.from({ length: 10 }, (_, index) => `n${index}`);
  for (const name of names) await engine.createNetwork({ name });
  await engine.pruneNetworks();
  await reading;
  assert.deepEqual(seen, [...names, ...names]);
});

/** The first event of an operation. */
async function nextOf(operate: () => Promise<unknown>): Promise<EngineEvent> {
  const reading = read(1);
  await operate();
  return (await reading)[0]!;
}
