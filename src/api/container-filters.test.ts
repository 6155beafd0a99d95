import { expect, it } from 'vitest';
import { ENDPOINT, STATE, sampleContainer } from '../../test/support/sample-container.ts';
import type { Container, Image } from '../container/types.ts';
import { selectContainers } from './container-filters.ts';
import { parseFilters } from './filters.ts';

const IMAGES = [
  { id: 'sha256:aa', tags: ['base:latest'], digests: [], layers: ['1'] },
  { id: 'sha256:bb', tags: ['img:latest'], digests: [], layers: ['1', '2'] },
  { id: 'sha256:cc', tags: ['app:new'], digests: [], layers: ['3'] },
] as unknown as Image[];

function named(name: string, createdMs: number, changes: Partial<Container> = {}): Container {
  return { ...sampleContainer({ Labels: { of: name } }), id: name.repeat(16), name, createdMs, ...changes };
}

const web = named('web', 3000, { imageId: 'sha256:bb' });
const ended = named('ended', 2000, { state: { ...STATE, status: 'exited', exitCode: 3 }, imageId: 'sha256:aa' });
const hosted = named('hosted', 500, {
  ...sampleContainer({ HostConfig: { NetworkMode: 'host' } }),
  endpoints: [{ ...ENDPOINT, networkId: 'beef', networkName: 'host' }],
});
const healthy = named('healthy', 1000, {
  state: { ...STATE, health: { status: 'healthy', failingStreak: 0, log: [] } },
  mounts: [{ type: 'volume', name: 'v', source: '/s', target: '/t', readOnly: false, propagation: '' }],
  endpoints: [],
});

function select(filters: object = {}, more: { all?: boolean; limit?: number } = {}): string[] {
  const selection = { all: false, limit: undefined, images: { list: () => IMAGES }, ...more };
  return selectContainers([healthy, web, ended], parseFilters(JSON.stringify(filters)), selection).map(
    ({ name }) => name,
  );
}

it.each(['host', 'bee'])('finds who is on the host’s own stack by the network %s', (network) => {
  const selection = { all: false, limit: undefined, images: { list: () => IMAGES } };
  const found = selectContainers([web, hosted], parseFilters(JSON.stringify({ network: [network] })), selection);
  expect(found).toEqual([hosted]);
});

it('shows what runs, the newest first', () => {
  expect(select()).toEqual(['web', 'healthy']);
  expect(select({}, { all: true })).toEqual(['web', 'ended', 'healthy']);
  expect(select({}, { limit: 2 })).toEqual(['web', 'ended']);
});

it.each([
  [{ name: ['^/w'] }, ['web']],
  [{ name: ['('] }, []],
  [{ id: ['webweb'] }, ['web']],
  [{ label: ['of=ended'] }, ['ended']],
  [{ status: ['exited', 'paused'] }, ['ended']],
  [{ exited: ['3'] }, ['ended']],
  [{ health: ['healthy'] }, ['healthy']],
  [{ volume: ['v'] }, ['healthy']],
  [{ volume: ['/t'] }, ['healthy']],
  [{ network: ['lan'] }, ['web', 'ended']],
  [{ publish: ['8081'] }, ['web', 'ended']],
  [{ publish: ['8000-8080/tcp'] }, ['web', 'ended']],
  [{ publish: ['81'] }, []],
  [{ publish: ['8080/udp'] }, []],
  [{ ancestor: ['img'] }, ['web', 'healthy']], // the image of `ended` has lost the name
  [{ ancestor: ['base'] }, ['web', 'ended']],
  [{ ancestor: ['sha256:bb'] }, ['web']],
  [{ before: ['web'] }, ['ended', 'healthy']],
  [{ since: ['healthy'], before: ['web'] }, ['ended']],
  [{ 'is-task': ['true'] }, []],
])('selects by %j', (filters, names) => {
  expect(select(filters, { all: true })).toEqual(names);
});

it.each([
  [{ status: ['foo'] }, "invalid filter 'status=foo'"],
  [{ health: ['foo'] }, "invalid filter 'health=foo'"],
  [{ exited: ['foo'] }, "invalid filter 'exited=foo'"],
  [{ publish: ['foo'] }, 'invalid port specification'],
  [{ before: ['foo'] }, 'no such container foo'],
])('refuses %j', (filters, message) => {
  expect(() => select(filters)).toThrow(message);
});
