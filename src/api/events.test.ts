import { describe, expect, test } from 'vitest';
import { type ApiEvent, EventHub, type FollowOptions, matchesEvent, viewEvent } from './events.ts';
import { parseFilters } from './filters.ts';

const event = (number: number, more: Partial<ApiEvent> = {}): ApiEvent => ({
  timeNs: BigInt(number),
  type: 'network',
  action: 'create',
  id: `id${number}`,
  attributes: { name: `net${number}` },
  ...more,
});

async function collect(hub: EventHub, options: FollowOptions): Promise<number[]> {
  const seen: number[] = [];
  for await (const { timeNs } of hub.follow(options)) seen.push(Number(timeNs));
  return seen;
}

describe('the hub', () => {
  test('tells the past from since to until, and ends', async () => {
    const hub = new EventHub();
    for (let number = 1; number <= 5; number++) hub.publish(event(number));
    expect(await collect(hub, { sinceNs: 2n, untilNs: 4n })).toEqual([2, 3, 4]);
    expect(await collect(hub, { untilNs: 4n })).toEqual([]);
  });

  test('goes on with what happens until the signal, or its own end', async () => {
    const hub = new EventHub();
    hub.publish(event(1));
    const gone = new AbortController();
    const [live, all] = [collect(hub, { signal: gone.signal }), collect(hub, { sinceNs: 0n })];
    hub.publish(event(2));
    hub.publish(event(3));
    await new Promise(setImmediate);
    gone.abort();
    expect(await live).toEqual([2, 3]);
    hub.publish(event(4));
    hub.close();
    expect(await all).toEqual([1, 2, 3, 4]);
  });

  test('keeps the last thousand', async () => {
    const hub = new EventHub();
    for (let number = 1; number <= 3000; number++) hub.publish(event(number));
    const seen = await collect(hub, { sinceNs: 0n, untilNs: 3000n });
    expect(seen.length).toBeGreaterThanOrEqual(256);
    expect(seen.at(-1)).toBe(3000);
    expect(seen).toEqual(seen.map((_, index) => seen[0]! + index));
  });
});

describe('filters', () => {
  const exec = event(1, {
    type: 'container',
    action: 'exec_create: sh',
    id: 'abc123',
    attributes: { name: 'web', image: 'busybox', tier: 'front' },
  });
  test.each([
    [{ type: ['container'] }, true],
    [{ type: ['network'] }, false],
    [{ event: ['exec_create'] }, true],
    [{ event: ['start', 'exec_create: sh'] }, true],
    [{ event: ['exec'] }, false],
    [{ container: ['web'] }, true],
    [{ container: ['abc1'] }, true],
    [{ container: ['other'] }, false],
    [{ network: ['web'] }, false],
    [{ image: ['busybox'] }, true],
    [{ image: ['web'] }, false],
    [{ label: ['tier=front'] }, true],
    [{ label: ['tier=back'] }, false],
    [{ scope: ['swarm'] }, false],
  ])('%j: %s', (filters, fits) => {
    expect(matchesEvent(parseFilters(JSON.stringify(filters)), exec)).toBe(fits);
  });
});

test('an image is named with its tag or without', () => {
  const tagged = event(0, {
    type: 'image',
    action: 'tag',
    id: 'sha256:abc',
    attributes: { name: 'hub.lan:5000/app:1' },
  });
  const fits = (image: string) => matchesEvent(parseFilters(JSON.stringify({ image: [image] })), tagged);
  expect(['hub.lan:5000/app:1', 'hub.lan:5000/app', 'app', 'hub.lan'].map(fits)).toEqual([true, true, false, false]);
});

test('an event as Docker shows it', () => {
  const attributes = { name: 'web', image: 'busybox' };
  const started = event(0, {
    timeNs: 1_700_000_000_123_456_789n,
    type: 'container',
    action: 'start',
    id: 'abc',
    attributes,
  });
  expect(viewEvent(started, 48)).toEqual({
    status: 'start',
    id: 'abc',
    from: 'busybox',
    Type: 'container',
    Action: 'start',
    Actor: { ID: 'abc', Attributes: attributes },
    scope: 'local',
    time: 1_700_000_000,
    timeNano: 1_700_000_000_123_456_789n,
  });
  expect(viewEvent(event(1), 48)).not.toHaveProperty('status');
});
