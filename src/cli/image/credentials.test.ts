import { mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { credentialsFor, forgetCredentials, saveCredentials } from './credentials.ts';
import { registryOf, splitReference } from './reference.ts';

const directory = mkdtempSync(join(tmpdir(), 'credentials-'));
const file = join(directory, 'deep', 'config.json');
process.env.DOCKER_CONFIG = join(directory, 'deep');

function sent(registry: string | undefined): unknown {
  const header = credentialsFor(registry)['x-registry-auth'];
  return header === undefined ? undefined : JSON.parse(Buffer.from(header, 'base64url').toString());
}

test('are kept for the user alone, sent, and forgotten', () => {
  expect(sent('localhost:5000')).toBeUndefined();
  saveCredentials('localhost:5000', { username: 'me', password: 'a:b' });
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(sent('localhost:5000')).toEqual({ username: 'me', password: 'a:b', serveraddress: 'localhost:5000' });
  expect(sent(undefined)).toBeUndefined();
  forgetCredentials('localhost:5000');
  expect(sent('localhost:5000')).toBeUndefined();
});

test("docker's own entry serves names without a host", () => {
  const auth = Buffer.from('me:secret').toString('base64');
  writeFileSync(file, JSON.stringify({ auths: { 'https://index.example/v1/': { auth } } }));
  expect(sent(undefined)).toEqual({ username: 'me', password: 'secret', serveraddress: 'https://index.example/v1/' });
});

test('are found by the registry, however its address is written', () => {
  const auth = Buffer.from('me:secret').toString('base64');
  const index = 'https://index.reg.example/v1/';
  const other = 'https://other.example/v2/';
  writeFileSync(file, JSON.stringify({ credsStore: 'x', auths: { [other]: { auth }, [index]: { auth } } }));
  expect(sent('reg.example')).toMatchObject({ serveraddress: index });
  expect(sent('other.example')).toMatchObject({ username: 'me', serveraddress: other });
  expect(sent('example')).toBeUndefined();
  saveCredentials('reg.example', { username: 'you', password: '1' });
  saveCredentials('https://third.example/', { username: 'you', password: '2' });
  expect(sent(undefined)).toMatchObject({ username: 'you', serveraddress: index });
  expect(sent('third.example')).toMatchObject({ username: 'you', serveraddress: 'third.example' });
  forgetCredentials('http://other.example');
  expect(Object.keys(JSON.parse(readFileSync(file, 'utf8')).auths)).toEqual([index, 'third.example']);
});

test.each([
  ['app', { repository: 'app' }, undefined],
  ['a/b:1', { repository: 'a/b', tag: '1' }, undefined],
  ['localhost:5000/a', { repository: 'localhost:5000/a' }, 'localhost:5000'],
  ['host.lan/a:1@sha256:9', { repository: 'host.lan/a', tag: '1', digest: 'sha256:9' }, 'host.lan'],
])('%s', (text, reference, registry) => {
  expect(splitReference(text)).toEqual(reference);
  expect(registryOf(splitReference(text).repository)).toBe(registry);
});
