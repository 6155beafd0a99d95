/**
 * @module The volumes of a container: made with it, and filled with what its image has at the same place.
 */

import { step } from '../network/step.ts';
import { mountRootOf } from './bring-up.ts';
import type { Context } from './context.ts';
import type { Entry } from './entry.ts';
import { checkBinds } from './mounts.ts';
import { unmountRoot } from './rootfs.ts';
import type { Mount } from './types.ts';
import { mountsWithSources } from './view.ts';

/** Makes the volumes of a container that are not there, and fills empty ones before its first start. @throws PontoonError */
export async function makeVolumes(context: Context, entry: Entry): Promise<void> {
  const { volumes, paths } = context;
  const { id, mounts, spec, startedMs } = entry.record;
  const used = mounts.filter(({ type }) => type === 'volume');
  for (const { name } of used) {
    const wanted = spec.mounts?.find(({ type, source }) => type === 'volume' && source === name);
    const { volumeLabels: labels = {}, volumeOptions: options = {} } = wanted ?? {};
    step(`container ${entry.record.name}: volume`);
    await volumes.create({ name, anonymous: wanted === undefined, labels, options });
  }
  const copied = used.filter(({ noCopy }) => noCopy !== true);
  if (startedMs !== undefined || copied.length === 0) return;
  try {
    const { merged: root } = await mountRootOf(context, entry);
    for (const { name, target } of copied) {
      step(`container ${entry.record.name}: content of a volume`);
      await volumes.fill(name, { root, target });
    }
  } finally {
    unmountRoot({ id, runRoot: paths.runRoot });
  }
}

/** The mounts of a container with their sources, which are there then. @throws PontoonError volume-not-found, bad-value */
export async function mountVolumes(context: Context, entry: Entry): Promise<Mount[]> {
  await checkBinds(entry.record.spec.mounts ?? []);
  for (const { type, name } of entry.record.mounts) if (type === 'volume') context.volumes.mount(name);
  return mountsWithSources(context, entry);
}
