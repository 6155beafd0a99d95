/**
 * @module The container layer: images, volumes and containers.
 *
 *   const images = await openImages({ dataRoot, runRoot });
 *   const volumes = await openVolumes({ dataRoot });
 *   await using containers = await openContainers({ engine, images, volumes, dataRoot, runRoot, log });
 *   const { id } = await containers.create({ image: 'pontoon/busybox', command: ['sleep', '100'] });
 *   await containers.start(id);
 */

export { Containers, type ContainersOptions, openContainers, type WaitCondition } from './containers.ts';
export type { Log } from './context.ts';
export { Images, type ImagesOptions, openImages } from './images/index.ts';
export type { PruneFilter } from './prune.ts';
export type { RemoveOptions } from './removal.ts';
export type { Sizes } from './sizes.ts';
export type { StopOptions } from './stopping.ts';
export type * from './types.ts';
export type { UpdateOptions } from './update.ts';
export { openVolumes, type VolumeSpec, Volumes, type VolumesOptions } from './volumes.ts';
