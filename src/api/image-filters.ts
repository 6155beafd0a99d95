/** @module Which images a list shows (Engine API, ImageList). Pure. */

import type { Image } from '../container/types.ts';
import { badRequest } from './errors.ts';
import type { Filters } from './filters.ts';

export const IMAGE_FILTERS = ['before', 'dangling', 'label', 'label!', 'reference', 'since', 'until'] as const;

/** The newest first; chosen by a reference, with the names that fit it only. @throws HttpError 400 */
export function selectImages(images: readonly Image[], filters: Filters): Image[] {
  const dangling = filters.boolean('dangling');
  const createdOf = (key: 'before' | 'since'): number[] => filters.values(key).map((ref) => findImage(images, ref));
  const before = Math.min(...createdOf('before'), filters.untilMs() ?? Number.POSITIVE_INFINITY);
  const since = Math.max(...createdOf('since'));
  const fits = (name: string): boolean => filters.some('reference', (pattern) => matchesReference(pattern, name));
  const named = (image: Image): Image => ({
    ...image,
    tags: image.tags.filter(fits),
    digests: image.digests.filter(fits),
  });
  return images
    .map((image) => (filters.has('reference') ? named(image) : image))
    .filter(
      ({ tags, digests, config, createdMs }) =>
        (dangling === undefined || (tags.length === 0) === dangling) &&
        filters.labels(config.labels) &&
        (!filters.has('reference') || tags.length + digests.length > 0) &&
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
