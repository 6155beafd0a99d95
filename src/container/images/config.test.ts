/** @module Configurations of images: read whole, or refused with the field that is wrong. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PontoonError } from '../../errors.ts';
import { applyChanges } from './changes.ts';
import { parseConfig } from './config.ts';

describe('parseConfig', () => {
  test('what is left out is empty', () => {
    const { config, createdMs, os, diffIds, history } = parseConfig('{}');
    expect(config).toMatchObject({
      user: '',
      env: [],
      entrypoint: [],
      command: [],
      labels: {},
      healthcheck: undefined,
    });
    expect({ createdMs, os, diffIds, history }).toEqual({ createdMs: 0, os: 'linux', diffIds: [], history: [] });
  });

  test('null is as good as nothing, as Go writes it', () => {
    const config = { Env: null, ExposedPorts: null, Labels: null, Healthcheck: null, Volumes: null };
    expect(parseConfig(JSON.stringify({ config, rootfs: { diff_ids: null } }))).toEqual(parseConfig('{}'));
  });

  test('ports and healthcheck', () => {
    const config = {
      ExposedPorts: { '80': {}, '53/udp': {} },
      Healthcheck: { Test: ['CMD', 'x'], Interval: 5e9, Retries: 2 },
    };
    const read = parseConfig(JSON.stringify({ config })).config;
    expect(read.exposedPorts).toEqual([
      { port: 80, protocol: 'tcp' },
      { port: 53, protocol: 'udp' },
    ]);
    expect(read.healthcheck).toMatchObject({ test: ['CMD', 'x'], intervalNs: 5e9, retries: 2, timeoutNs: 0 });
  });

  test.each([
    ['nonsense', /is not JSON/],
    ['[]', /not a JSON object/],
    ['{"config":{"Env":"A=b"}}', /config.Env is of the wrong type/],
    ['{"config":{"Cmd":[1]}}', /config.Cmd is of the wrong type/],
    ['{"config":{"Labels":{"a":1}}}', /config.Labels is of the wrong type/],
    ['{"config":{"ExposedPorts":{"99999/tcp":{}}}}', /99999/],
    ['{"rootfs":{"diff_ids":["../../x"]}}', /is not a sha256 digest/],
    ['{"history":[{"created_by":{}}]}', /history\[0\].created_by is of the wrong type/],
  ])('refuses %s', (text, message) => {
    expect(() => parseConfig(text)).toThrow(message);
  });

  test('of any JSON: a configuration or bad-image, nothing else', () => {
    const anything = fc.oneof(
      fc.json(),
      fc
        .record({ config: fc.dictionary(fc.constantFrom('Env', 'Cmd', 'Labels', 'User', 'Volumes'), fc.jsonValue()) })
        .map((value) => JSON.stringify(value)),
    );
    fc.assert(
      fc.property(anything, (text) => {
        try {
          parseConfig(text);
        } catch (error) {
          expect(PontoonError.is(error, 'bad-image')).toBe(true);
        }
      }),
    );
  });
});

describe('applyChanges', () => {
  test.each<[string, object]>([
    ['CMD ["a", "b c"]', { Cmd: ['a', 'b c'] }],
    ['cmd a b', { Cmd: ['/bin/sh', '-c', 'a b'] }],
    ['ENV A b c', { Env: ['A=b c'] }],
    ['ENV A="b c" D=e\\ f', { Env: ['A=b c', 'D=e f'] }],
    ["LABEL x='1 2' y=3", { Labels: { x: '1 2', y: '3' } }],
    ['EXPOSE 80 53/udp', { ExposedPorts: { '80/tcp': {}, '53/udp': {} } }],
    ['VOLUME ["/a b", "/c"]', { Volumes: { '/a b': {}, '/c': {} } }],
    ['VOLUME /a /b', { Volumes: { '/a': {}, '/b': {} } }],
    ['WORKDIR /srv', { WorkingDir: '/srv' }],
    ['USER 1:2', { User: '1:2' }],
  ])('%s', (change, config) => {
    expect(applyChanges([change])).toEqual(config);
  });

  test('later ones win', () => {
    expect(applyChanges(['ENV A=1', 'ENV B=2', 'ENV A=3']).Env).toEqual(['B=2', 'A=3']);
  });

  test.each(['', 'RUN x', 'FROM y', 'CMD'])('refuses "%s"', (change) => {
    expect(() => applyChanges([change])).toThrow(/is not a valid change command/);
  });
});
