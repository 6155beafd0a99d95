/**
 * @module What takes up the disk: `docker system df` (Engine API, SystemDataUsage).
 */

import type { Containers } from '../container/containers.ts';
import type { Images } from '../container/images/index.ts';
import type { Volumes } from '../container/volumes.ts';
import { countByImage } from './image-usage.ts';
import { containerSummary } from './views/container.ts';
import { imageSummary } from './views/image.ts';
import { viewVolume } from './views/volume.ts';
import { volumeUsers } from './volumes.ts';

export interface DiskUsageParts {
  readonly containers: Containers;
  readonly images: Images;
  readonly volumes: Volumes;
}

/** What an answer is to have. */
export interface DiskUsageQuery {
  /** Of 'container', 'image', 'volume', 'build-cache'; empty: all. */
  readonly types: readonly string[];
  /** Each thing, not only how many there are; older versions always have it. */
  readonly verbose: boolean;
  readonly minor: number;
}

/** The first version that counts, and lists only on demand; this one lists as before, too. */
const COUNTED_MINOR = 52;

export async function diskUsage(parts: DiskUsageParts, query: DiskUsageQuery) {
  const { types, verbose, minor } = query;
  const wants = (type: string): boolean => types.length === 0 || types.includes(type);
  const [images, containers, volumes] = await Promise.all([
    wants('image') ? imagesUsage(parts, minor) : undefined,
    wants('container') ? containersUsage(parts, minor) : undefined,
    wants('volume') ? volumesUsage(parts) : undefined,
  ]);
  const caches = wants('build-cache') ? counted([], { isActive: () => false, bytesOf: () => 0 }) : undefined;
  const lists = {
    ...(images && { LayersSize: images.TotalSize, Images: images.Items }),
    ...(containers && { Containers: containers.Items }),
    ...(volumes && { Volumes: volumes.Items }),
    ...(caches && { BuildCache: caches.Items }),
  };
  if (minor < COUNTED_MINOR) return lists;
  const shown = <T extends { readonly Items: unknown }>({ Items, ...counts }: T) => ({
    ...counts,
    ...(verbose && { Items }),
  });
  return {
    ...(minor === COUNTED_MINOR && !verbose && lists),
    ...(images && { ImageUsage: shown(images) }),
    ...(containers && { ContainerUsage: shown(containers) }),
    ...(volumes && { VolumeUsage: shown(volumes) }),
    ...(caches && { BuildCacheUsage: shown(caches) }),
  };
}

function imagesUsage({ containers, images }: DiskUsageParts, minor: number) {
  const { totalBytes, sharedBytes } = images.diskUsage();
  const counts = countByImage(containers.list());
  const summaries = images.list().map((image) => ({
    ...imageSummary(image, minor),
    SharedSize: sharedBytes.get(image.id) ?? 0,
    Containers: counts.get(image.id) ?? 0,
  }));
  const usage = counted(summaries, {
    isActive: ({ Containers }) => Containers > 0,
    bytesOf: ({ Size, SharedSize }) => Size - SharedSize,
  });
  // What images share counts once.
  return { ...usage, TotalSize: totalBytes };
}

async function containersUsage({ containers }: DiskUsageParts, minor: number) {
  const now = Date.now();
  const summaries = await Promise.all(
    containers
      .list()
      .map(async (container) =>
        containerSummary(container, { minor, nowMs: now, sizes: await containers.sizes(container) }),
      ),
  );
  return counted(summaries, {
    isActive: ({ State }) => ['running', 'paused', 'restarting'].includes(State),
    bytesOf: ({ SizeRw = 0 }) => SizeRw,
  });
}

async function volumesUsage({ containers, volumes }: DiskUsageParts) {
  const usersOf = volumeUsers(containers);
  const shown = await Promise.all(
    volumes.list().map(async (volume) => {
      const usage = { sizeBytes: await volumes.sizeBytes(volume.name), users: usersOf(volume.name).length };
      return viewVolume(volume, usage);
    }),
  );
  return counted(shown, {
    isActive: ({ UsageData }) => (UsageData?.RefCount ?? 0) > 0,
    bytesOf: ({ UsageData }) => UsageData?.Size ?? 0,
  });
}

function counted<T>(
  items: readonly T[],
  { isActive, bytesOf }: { readonly isActive: (item: T) => boolean; readonly bytesOf: (item: T) => number },
) {
  const sum = (some: readonly T[]): number => some.reduce((bytes, item) => bytes + bytesOf(item), 0);
  const active = items.filter(isActive);
  return {
    ActiveCount: active.length,
    TotalCount: items.length,
    Reclaimable: sum(items) - sum(active),
    TotalSize: sum(items),
    Items: items,
  };
}
