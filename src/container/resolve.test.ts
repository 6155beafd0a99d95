import { describe, expect, test } from 'vitest';
import { commandLine, resolveSpec } from './resolve.ts';
import type { ContainerSpec, ImageConfig } from './types.ts';

const IMAGE: ImageConfig = {
  user: 'www',
  exposedPorts: [{ port: 80, protocol: 'tcp' }],
  env: ['PATH=/bin', 'A=image'],
  entrypoint: ['/entry'],
  command: ['serve'],
  volumes: [],
  workingDirectory: '/srv',
  labels: { one: 'image', two: 'image' },
  stopSignal: 'SIGQUIT',
  healthcheck: { test: ['CMD', 'check'], intervalNs: 7, retries: 9 },
  shell: [],
};

const resolve = (spec: Partial<ContainerSpec>) =>
  resolveSpec({ image: 'x', ...spec }, IMAGE, { name: 'n', hostname: 'h' });

describe('the command line', () => {
  test.each([
    [{}, ['/entry', 'serve']],
    [{ command: ['other'] }, ['/entry', 'other']],
    [{ command: [] }, ['/entry', 'serve']],
    [{ entrypoint: ['/own'] }, ['/own']],
    [{ entrypoint: ['/own'], command: ['x'] }, ['/own', 'x']],
    [{ entrypoint: [''], command: ['x'] }, ['x']],
  ])('%o: %o', (spec, expected) => {
    const { path, args } = commandLine(resolve(spec));
    expect([path, ...args]).toEqual(expected);
  });

  test('without any there is nothing to run', () => {
    expect(() => commandLine(resolve({ entrypoint: [''] }))).toThrow('No command specified');
  });
});

test("what the user says wins, the rest is the image's", () => {
  const spec = resolve({
    env: ['A=own', 'B=1', 'B=2'],
    labels: { one: 'own' },
    exposedPorts: [{ port: 53, protocol: 'udp' }],
  });
  expect(spec.env).toEqual(['A=own', 'B=2', 'PATH=/bin']);
  expect(spec.labels).toEqual({ one: 'own', two: 'image' });
  expect(spec.exposedPorts).toEqual([
    { port: 53, protocol: 'udp' },
    { port: 80, protocol: 'tcp' },
  ]);
  expect([spec.user, spec.workingDirectory, spec.stopSignal]).toEqual(['www', '/srv', 'SIGQUIT']);
  expect(spec.network).toEqual({ mode: 'endpoints', endpoints: [{ network: 'bridge' }] });
});

test('a bare name takes a variable of the image away', () => {
  expect(resolve({ env: ['A'] }).env).toEqual(['PATH=/bin']);
});

test('a health check fills what it leaves out from the image', () => {
  expect(resolve({ healthcheck: { test: [], retries: 2, intervalNs: 0 } }).healthcheck).toEqual({
    test: ['CMD', 'check'],
    intervalNs: 7,
    retries: 2,
  });
});

test('--rm and a restart policy exclude each other', () => {
  const restart = { name: 'always', maximumRetries: 0 } as const;
  expect(() => resolve({ autoRemove: true, restart })).toThrow(
    "can't create 'AutoRemove' container with restart policy",
  );
});
