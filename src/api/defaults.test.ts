import { expect, test } from 'vitest';
import { type ContainerDefaults, withDefaults } from './defaults.ts';

const NONE: ContainerDefaults = {
  cgroupParent: undefined,
  shmSizeBytes: undefined,
  ulimits: [],
  init: false,
  logOptions: {},
  noNewPrivileges: false,
};

test('without defaults a spec stays as it is', () => {
  const spec = { image: 'x', resources: { pidsLimit: 5 } };
  expect(withDefaults(spec, undefined)).toBe(spec);
  expect(withDefaults(spec, NONE)).toEqual(spec);
});

test('what is said wins, and limits and options are joined by name', () => {
  const defaults: ContainerDefaults = {
    cgroupParent: '/all',
    shmSizeBytes: 1,
    ulimits: [
      { name: 'nofile', soft: 1, hard: 2 },
      { name: 'core', soft: 0, hard: 0 },
    ],
    init: true,
    logOptions: { 'max-size': '10m', 'max-file': '3' },
    noNewPrivileges: true,
  };
  expect(withDefaults({ image: 'x' }, defaults)).toEqual({
    image: 'x',
    init: true,
    shmSizeBytes: 1,
    resources: { cgroupParent: '/all', ulimits: defaults.ulimits },
    security: { options: ['no-new-privileges'] },
    logging: { driver: 'json-file', options: defaults.logOptions },
  });
  const own = {
    image: 'x',
    init: false,
    shmSizeBytes: 7,
    resources: { cgroupParent: '/mine', ulimits: [{ name: 'nofile', soft: 9, hard: 9 }] },
    security: { options: ['no-new-privileges=false'] },
    logging: { driver: 'json-file', options: { 'max-size': '1m' } },
  };
  expect(withDefaults(own, defaults)).toEqual({
    ...own,
    resources: { cgroupParent: '/mine', ulimits: [defaults.ulimits[1], own.resources.ulimits[0]] },
    logging: { driver: 'json-file', options: { 'max-size': '1m', 'max-file': '3' } },
  });
});
