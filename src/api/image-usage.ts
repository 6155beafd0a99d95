/** @module How many containers each image has, for lists of images and of what takes up the disk. */

import type { Container } from '../container/types.ts';

/** By the image's ID; an image without containers is not in it. */
export function countByImage(containers: readonly Pick<Container, 'imageId'>[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { imageId } of containers) counts.set(imageId, (counts.get(imageId) ?? 0) + 1);
  return counts;
}
