import { expect, test } from 'vitest';
import { type ContainerDefaults, withDefaults } from './defaults.ts';

const NONE: ContainerDefaults = {
  cgroupParent: undefined,
  shmSizeBytes: undefined,
  ulimits: [],
  init: false,
  logOptions: {},
  noNewPrivileges: false,
  logDriver: 'json-file',
  seccomp: undefined,
  namespaces: {},
  hostGateways: [],
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
    logDriver: 'json-file',
    seccomp: 'unconfined',
    namespaces: { ipc: 'shareable', cgroup: 'host' },
    hostGateways: [],
  };
  expect(withDefaults({ image: 'x' }, defaults)).toEqual({
    image: 'x',
    init: true,
    shmSizeBytes: 1,
    resources: { cgroupParent: '/all', ulimits: defaults.ulimits },
    security: { options: ['no-new-privileges', 'seccomp=unconfined'] },
    namespaces: { ipc: 'shareable', cgroup: 'host' },
    logging: { driver: 'json-file', options: defaults.logOptions },
  });
  const own = {
    image: 'x',
    init: false,
    shmSizeBytes: 7,
    resources: { cgroupParent: '/mine', ulimits: [{ name: 'nofile', soft: 9, hard: 9 }] },
    security: { options: ['no-new-privileges=false', 'seccomp={}'] },
    namespaces: { ipc: 'none', cgroup: 'private' },
    logging: { driver: 'json-file', options: { 'max-size': '1m' } },
  };
  expect(withDefaults(own, defaults)).toEqual({
    ...own,
    resources: { cgroupParent: '/mine', ulimits: [defaults.ulimits[1], own.resources.ulimits[0]] },
    logging: { driver: 'json-file', options: { 'max-size': '1m', 'max-file': '3' } },
  });
});

test('a privileged container gets no profile', () => {
  const security = { privileged: true };
  expect(withDefaults({ image: 'x', security }, { ...NONE, seccomp: 'unconfined' }).security).toEqual(security);
});

test('host-gateway is the addresses that were set, a line each', () => {
  const spec = { image: 'x', extraHosts: [['host', 'host-gateway'] as const, ['other', '10.0.0.1'] as const] };
  expect(withDefaults(spec, { ...NONE, hostGateways: ['10.9.9.9', 'fd00::9'] }).extraHosts).toEqual([
    ['host', '10.9.9.9'],
    ['host', 'fd00::9'],
    ['other', '10.0.0.1'],
  ]);
  expect(withDefaults(spec, NONE).extraHosts).toEqual(spec.extraHosts);
});

test('another log driver is the default, whose options are its own', () => {
  const defaults = { ...NONE, logDriver: 'local', logOptions: { 'max-size': '1m' } };
  expect(withDefaults({ image: 'x' }, defaults).logging).toEqual({ driver: 'local', options: { 'max-size': '1m' } });
  const logging = { driver: 'json-file', options: {} };
  expect(withDefaults({ image: 'x', logging }, defaults).logging).toEqual(logging);
});
