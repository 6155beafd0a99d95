/** @module Which images a list shows (Engine API, ImageList). Pure. */

import type { Image } from '../container/types.ts';
import { badRequest } from './errors.ts';
import type { Filters } from './filters.ts';
import { timeOf } from './parse.ts';

export const IMAGE_FILTERS = ['before', 'dangling', 'label', 'label!', 'reference', 'since', 'until'] as const;

const NS_PER_MS = 1_000_000n;

/** The newest first. @throws HttpError 400 */
export function selectImages(images: readonly Image[], filters: Filters): Image[] {
  const dangling = filters.boolean('dangling');
  const createdOf = (key: 'before' | 'since'): number[] => filters.values(key).map((ref) => findImage(images, ref));
  const until = filters.values('until').map((text) => Number((timeOf('until', text) ?? 0n) / NS_PER_MS));
  const before = Math.min(...createdOf('before'), ...until);
  const since = Math.max(...createdOf('since'));
  return images
    .filter(
      ({ tags, digests, config, createdMs }) =>
        (dangling === undefined || (tags.length === 0) === dangling) &&
        filters.labels(config.labels) &&
        filters.some('reference', (pattern) => [...tags, ...digests].some((name) => matchesReference(pattern, name))) &&
        createdMs < before &&
        createdMs > since,
    )
    .sort((a, b) => b.createdMs - a.createdMs);
}

function findImage(images: readonly Image[], ref: string): number {
  const found = images.find(
    ({ id, tags }) => tags.includes(ref) || tags.includes(`${ref}:latest`) || id.replace('sha256:', '').startsWith(ref),
  );
  if (found === undefined) throw badRequest(`no such image: ${ref}: filter by one that is there`);
  return found.createdMs;
}

/** Shell patterns, of the whole name or of the name without its tag; a pattern's '*' stops at a slash. */
function matchesReference(pattern: string, name: string): boolean {
  const source = pattern.replaceAll(/[.+^${}()|\\]/g, String.raw`\$&`);
  const fits = new RegExp(`^${source.replaceAll('*', '[^/]*').replaceAll('?', '[^/]')}$`);
  return fits.test(name) || fits.test(name.replace(/(@.*|:[^/:]*)$/, ''));
}
