/**
 * @module Versions of the Engine API: the prefix of a path (/v1.41/…), what a version means, and which there are.
 *
 * All versions are 1.x, so a version is its minor number here. Paths are normalised before they are routed: the prefix
 * goes, and the slashes in an image's name are escaped, since a route's parameter has none.
 */

import type { IncomingMessage } from 'node:http';

/** The oldest that is accepted: docker-compose 1.29 speaks 1.21. */
export const OLDEST_MINOR = 21;
/** What clients are told when they negotiate: the newest that is accepted. */
export const NEWEST_MINOR = 55;
/** The last with the fields that docker-compose 1 and docker-py before 7 look for: they speak whatever is the newest. */
const OLD_PYTHON_MINOR = 44;
const OLD_PYTHON = /\bdocker-py\/[0-6]\./;
/** What a path without a prefix means: Docker 28's, before fields went that scripts have read for years (1.52). */
export const UNVERSIONED_MINOR = 50;

const PREFIX = /^\/v([0-9.]+)(?=\/|$)/;

/** Everything between /images/ and the verb, or the end, is the name: 'library/busybox:latest'. */
const NAMED = [
  { prefix: '/images/', verbs: ['json', 'history', 'push', 'tag', 'get', 'attestations'] },
  { prefix: '/distribution/', verbs: ['json'] },
] as const;

/** What a client is told, which names itself in `User-Agent`. */
export function newestMinorFor(userAgent = ''): number {
  return OLD_PYTHON.test(userAgent) ? OLD_PYTHON_MINOR : NEWEST_MINOR;
}

/** The version that a path asks for, or the sentence that refuses it. */
export function readVersion(url: string): { readonly minor: number } | { readonly refusal: string } {
  const text = PREFIX.exec(url)?.[1];
  if (text === undefined) return { minor: UNVERSIONED_MINOR };
  const [major = Number.NaN, minor = 0] = text.split('.').map(Number);
  if (Number.isNaN(major) || Number.isNaN(minor)) return { refusal: `invalid API version ${text}` };
  if (major > 1 || minor > NEWEST_MINOR) {
    return {
      refusal: `client version ${text} is too new. Maximum supported API version is 1.${NEWEST_MINOR}`,
    };
  }
  if (major < 1 || minor < OLDEST_MINOR) {
    return {
      refusal: `client version ${text} is too old. Minimum supported API version is 1.${OLDEST_MINOR}, please upgrade your client to a newer version`,
    };
  }
  return { minor };
}

/** The path that is routed. */
export function routedUrl({ url = '/', method }: Pick<IncomingMessage, 'url' | 'method'>): string {
  const [path = '/', ...query] = url.replace(PREFIX, '').split('?');
  const routed = escapeName(path.startsWith('/') ? path : `/${path}`, method !== 'DELETE');
  return [routed, ...query].join('?');
}

/** Nothing that is removed has a verb behind its name. */
function escapeName(path: string, hasVerb: boolean): string {
  for (const { prefix, verbs } of NAMED) {
    if (!path.startsWith(prefix)) continue;
    const parts = path.slice(prefix.length).split('/');
    const verb = hasVerb && parts.length > 1 && verbs.some((known) => known === parts.at(-1)) ? `/${parts.pop()}` : '';
    return `${prefix}${parts.join('%2F')}${verb}`;
  }
  return path;
}
