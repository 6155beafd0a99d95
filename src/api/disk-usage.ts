/**
 * @module What takes up the disk: `docker system df` (Engine API, SystemDataUsage).
 */

import type { Containers } from '../container/containers.ts';
import type { Images } from '../container/images/index.ts';
import type { Volumes } from '../container/volumes.ts';
import { containerSummary } from './views/container.ts';
import { imageSummary } from './views/image.ts';
import { viewVolume } from './views/volume.ts';
import { volumeUsers } from './volumes.ts';

export interface DiskUsageParts {
  readonly containers: Containers;
  readonly images: Images;
  readonly volumes: Volumes;
}

/** @param types of 'container', 'image', 'volume', 'build-cache'; empty: all */
export async function diskUsage(
  { containers, images, volumes }: DiskUsageParts,
  types: readonly string[],
  minor: number,
) {
  const wants = (type: string): boolean => types.length === 0 || types.includes(type);
  const known = containers.list();
  const { totalBytes, sharedBytes } = images.diskUsage();
  const usersOf = volumeUsers(containers);
  const now = Date.now();
  return {
    ...(wants('image') && {
      LayersSize: totalBytes,
      Images: images.list().map((image) => ({
        ...imageSummary(image, minor),
        SharedSize: sharedBytes.get(image.id) ?? 0,
        Containers: known.filter(({ imageId }) => imageId === image.id).length,
      })),
    }),
    ...(wants('container') && {
      Containers: await Promise.all(
        known.map(async (container) => containerSummary(container, minor, now, await containers.sizes(container.id))),
      ),
    }),
    ...(wants('volume') && {
      Volumes: await Promise.all(
        volumes.list().map(async (volume) => {
          const sizeBytes = await volumes.sizeBytes(volume.name);
          return viewVolume(volume, { sizeBytes, users: usersOf(volume.name).length });
        }),
      ),
    }),
    ...(wants('build-cache') && { BuildCache: [] }),
  };
}
