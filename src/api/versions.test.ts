import { describe, expect, test } from 'vitest';
import { newestMinorFor, readVersion, routedUrl } from './versions.ts';

describe('versions', () => {
  test.each([
    ['/v1.21/info', { minor: 21 }],
    ['/v1.55/info', { minor: 55 }],
    ['/info', { minor: 50 }],
    ['/version', { minor: 50 }],
    ['/volumes', { minor: 50 }],
  ])('%s', (url, expected) => expect(readVersion(url)).toEqual(expected));

  test.each([
    ['docker-compose/1.29.2 docker-py/5.0.3 Linux/6.18', 44],
    ['docker-sdk-python/7.1.0', 55],
    ['Docker-Client/28.5.2 (linux)', 55],
    [undefined, 55],
  ])('%s speaks 1.%d at most', (userAgent, minor) => expect(newestMinorFor(userAgent)).toBe(minor));

  test.each([
    ['/v1.20/info', 'client version 1.20 is too old. Minimum supported API version is 1.21'],
    ['/v1.56/info', 'client version 1.56 is too new. Maximum supported API version is 1.55'],
    ['/v2.0/info', 'client version 2.0 is too new'],
    ['/v0.9/info', 'client version 0.9 is too old'],
    ['/v./info', 'too old'],
    ['/v1.x.2/info', ''],
  ])('%s is refused: %s', (url, words) => {
    const version = readVersion(url);
    if (words === '') expect(version).toEqual({ minor: 50 });
    else expect(version).toEqual({ refusal: expect.stringContaining(words) });
  });

  test.each([
    ['/v1.41/info?a=b', '/info?a=b'],
    ['/v1.41', '/'],
    ['/info', '/info'],
    ['/images/json', '/images/json'],
    ['/images/json?all=1', '/images/json?all=1'],
    ['/v1.41/images/a/b/c:tag/json', '/images/a%2Fb%2Fc:tag/json'],
    ['/images/localhost:5000/a@sha256:0f/history', '/images/localhost:5000%2Fa@sha256:0f/history'],
    ['/images/a/b', '/images/a%2Fb'],
    ['/images/a/push/tag?repo=x/y', '/images/a%2Fpush/tag?repo=x/y'],
    ['/images/json/json', '/images/json/json'],
    ['/images/get?names=a/b', '/images/get?names=a/b'],
    ['/distribution/a/b/json', '/distribution/a%2Fb/json'],
    ['/containers/a/json', '/containers/a/json'],
  ])('%s is routed as %s', (url, routed) => expect(routedUrl({ url })).toBe(routed));
});
