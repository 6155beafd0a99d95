import { expect, test } from 'vitest';
import { planMounts } from './mounts.ts';
import type { Mount } from './types.ts';

const NONE = { volumes: [] };
const other = (): readonly Mount[] => [
  { type: 'volume', name: 'theirs', source: '', target: '/data', readOnly: false, propagation: '' },
  { type: 'tmpfs', name: '', source: '', target: '/tmp', readOnly: false, propagation: '' },
];

test("own mounts win over others', and both over the image's volumes", () => {
  const mounts = planMounts(
    { mounts: [{ type: 'bind', source: '/srv/', target: '/data/' }], volumesFrom: ['other:ro'] },
    { volumes: ['/data', '/state'] },
    other,
  );
  expect(mounts.map(({ type, source, target }) => [type, source, target])).toEqual([
    ['bind', '/srv', '/data'],
    ['volume', '', '/state'],
  ]);
});

test("others' volumes come as they are, or read-only", () => {
  expect(planMounts({ volumesFrom: ['other'] }, NONE, other)).toEqual([other()[0]]);
  expect(planMounts({ volumesFrom: ['other:ro'] }, NONE, other)[0]!.readOnly).toBe(true);
});

test('a tmpfs takes the place of a volume of the image', () => {
  expect(planMounts({ tmpfs: { '/state': '' } }, { volumes: ['/state'] }, other)).toEqual([]);
});

test('a mount below another comes after it', () => {
  const mounts = ['/a/b/c', '/a', '/a/b'].map((target) => ({ type: 'volume', target }) as const);
  expect(planMounts({ mounts }, NONE, other).map(({ target }) => target)).toEqual(['/a', '/a/b', '/a/b/c']);
});

test.each([
  [
    [
      { type: 'volume', target: '/a' },
      { type: 'volume', target: '/a/' },
    ],
    'Duplicate mount point: /a',
  ],
  [[{ type: 'volume', target: 'a' }], "invalid mount path: 'a' mount path must be absolute"],
  [[{ type: 'volume', target: '/' }], "invalid specification: destination can't be '/'"],
  [[{ type: 'bind', source: 'a', target: '/a' }], "'a' is not absolute"],
] as const)('%o: %s', (mounts, message) => {
  expect(() => planMounts({ mounts }, NONE, other)).toThrow(message);
});
