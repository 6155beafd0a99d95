import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DEFAULT_SOCKET, findHost, isHostNamed } from './host.ts';

const certificates = mkdtempSync(join(tmpdir(), 'host-test-'));
for (const name of ['ca.pem', 'cert.pem', 'key.pem']) writeFileSync(join(certificates, name), name);
const DOCKER_CERT_PATH = certificates;

describe('where the daemon is', () => {
  test.each([
    [{}, {}, DEFAULT_SOCKET],
    [{}, { DOCKER_HOST: 'unix:///a' }, '/a'],
    [{}, { DOCKER_HOST: 'unix:///a', PONTOON_HOST: 'unix:///b' }, '/b'],
    [{ host: 'unix:///c' }, { PONTOON_HOST: 'unix:///b' }, '/c'],
    [{ host: '/d/e.sock' }, {}, '/d/e.sock'],
    [{}, { DOCKER_HOST: '' }, DEFAULT_SOCKET],
  ])('%j %j', (flags, env, socketPath) => {
    expect(findHost(flags, env)).toEqual({ name: `unix://${socketPath}`, socketPath });
    expect(isHostNamed(flags, env)).toBe(socketPath !== DEFAULT_SOCKET);
  });

  test.each([
    ['tcp://example:2375', 'example', 2375],
    ['tcp://example', 'example', 2376],
    ['https://10.0.0.1:1/', '10.0.0.1', 1],
    ['tcp://[fd00::1]:99', 'fd00::1', 99],
  ])('%s, with certificates', (name, host, port) => {
    const [ca, cert, key] = ['ca.pem', 'cert.pem', 'key.pem'].map((text) => Buffer.from(text));
    expect(findHost({ host: name }, { DOCKER_CERT_PATH })).toEqual({ name, host, port, ca, cert, key });
  });

  test.each(['example', 'example:2376'])('%s is tcp too', (host) => {
    const named = findHost({ host }, { DOCKER_CERT_PATH });
    expect(named).toMatchObject({ name: `tcp://${host}`, host: 'example', port: 2376 });
  });

  test.each(['ssh://me@example', 'http://example', 'unix://', 'tcp://', 'example:x', 'tcp://a:b:c'])(
    'not %s',
    (host) => {
      expect(() => findHost({ host }, { DOCKER_CERT_PATH })).toThrow(expect.objectContaining({ code: 'bad-value' }));
    },
  );

  test('a certificate that is not there', () => {
    expect(() => findHost({ host: 'tcp://a', tlscert: '/nix' }, { DOCKER_CERT_PATH })).toThrow('ENOENT');
  });
});
