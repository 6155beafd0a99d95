/** @module References are read and shown as Docker does. */
import { describe, expect, test } from 'vitest';
import { clientRegistryOf, isShortFor, nameWithTag, parseReference, registryName } from './reference.ts';

const DIGEST = `sha256:${'ab'.repeat(32)}`;

describe('parseReference', () => {
  test.each([
    ['busybox', 'busybox', undefined, undefined],
    ['busybox:1.36', 'busybox', '1.36', undefined],
    ['pontoon/busybox', 'pontoon/busybox', undefined, undefined],
    ['registry.lan:5000/team/app:v1', 'registry.lan:5000/team/app', 'v1', undefined],
    ['localhost/app', 'localhost/app', undefined, undefined],
    ['[::1]:5000/app', '[::1]:5000/app', undefined, undefined],
    ['a__b/c--d.e_f', 'a__b/c--d.e_f', undefined, undefined],
    [`app@${DIGEST}`, 'app', undefined, DIGEST],
    [`app:v1@${DIGEST}`, 'app', 'v1', DIGEST],
  ])('%s', (text, name, tag, digest) => {
    expect(parseReference(text)).toEqual({ name, tag, digest });
  });

  test.each([
    '',
    ':',
    'a:',
    'a:b:c',
    '-a',
    'a/',
    '/a',
    'a//b',
    'a..b',
    'a b',
    'a:-x',
    'a@sha256:12',
    'Busybox',
    '../a',
    'a/..',
    `a@${DIGEST}@${DIGEST}`,
    'ab'.repeat(32),
    'a'.repeat(256),
    `a:${'b'.repeat(129)}`,
    '-host.lan/a',
  ])('refuses "%s"', (text) => {
    expect(() => parseReference(text)).toThrow(/^invalid reference format/);
  });

  test('leaves the default registry out', () => {
    expect(parseReference('hub.lan/library/busybox', 'hub.lan').name).toBe('busybox');
    expect(parseReference('hub.lan/team/app', 'hub.lan').name).toBe('team/app');
    expect(parseReference('hub.lan/app', 'hub.lan').name).toBe('hub.lan/app');
    expect(parseReference('hub.lan/mirror/app', 'hub.lan/mirror').name).toBe('app');
    expect(parseReference('other.lan/app', 'hub.lan').name).toBe('other.lan/app');
  });
});

test('nameWithTag', () => {
  expect(nameWithTag(parseReference('busybox'))).toBe('busybox:latest');
  expect(nameWithTag(parseReference('a:b'))).toBe('a:b');
});

describe('registryName', () => {
  test('is what the name says', () => {
    expect(registryName('registry.lan:5000/a/b')).toEqual({ registry: 'registry.lan:5000', path: 'a/b' });
  });

  test('adds the default registry', () => {
    expect(registryName('busybox', 'hub.lan')).toEqual({ registry: 'hub.lan', path: 'library/busybox' });
    expect(registryName('team/app', 'hub.lan')).toEqual({ registry: 'hub.lan', path: 'team/app' });
    expect(registryName('app', 'hub.lan/mirror')).toEqual({ registry: 'hub.lan', path: 'mirror/app' });
    expect(registryName('app', 'localhost:5000')).toEqual({ registry: 'localhost:5000', path: 'library/app' });
  });

  test('says what to configure where there is none', () => {
    expect(() => registryName('busybox')).toThrow(/default-registry/);
  });
});

test('isShortFor', () => {
  expect(isShortFor('app:1', 'hub.lan/library/app:1')).toBe(true);
  expect(isShortFor('team/app:1', 'hub.lan/team/app:1')).toBe(true);
  expect(isShortFor('app:1', 'hub.lan/app:1')).toBe(false);
  expect(isShortFor('app:1', 'hub.lan/library/app:2')).toBe(false);
  expect(isShortFor('app:1', 'library/app:1')).toBe(false);
  expect(isShortFor('hub.lan/app:1', 'hub.lan/library/hub.lan/app:1')).toBe(false);
});

test('clientRegistryOf', () => {
  const of = (text: string) => clientRegistryOf(parseReference(text));
  expect(of('hub.lan/library/app:1')).toBe('hub.lan');
  expect(of(`hub.lan/library/app@${DIGEST}`)).toBe('hub.lan');
  expect(of('hub.lan/team/app')).toBe(undefined);
  expect(of('hub.lan/library/team/app')).toBe(undefined);
  expect(of('hub.lan:5000/library/app')).toBe(undefined);
  expect(of('library/app')).toBe(undefined);
  expect(of('app')).toBe(undefined);
});
