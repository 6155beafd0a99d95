/** @module A volume as Docker shows it (Engine API, Volume). */

import type { Volume } from '../../container/types.ts';

/** By `docker volume create` without a name, and by containers; prunes know it by this label. */
const ANONYMOUS_LABEL = 'com.docker.volume.anonymous';

export interface VolumeUsage {
  readonly sizeBytes: number;
  readonly users: number;
}

export function viewVolume(volume: Volume, usage?: VolumeUsage) {
  const { name, createdMs, mountpoint, options } = volume;
  return {
    CreatedAt: new Date(createdMs).toISOString().replace(/\.\d+Z$/, 'Z'),
    Driver: 'local',
    Labels: labelsOf(volume),
    Mountpoint: mountpoint,
    Name: name,
    Options: options,
    Scope: 'local',
    ...(usage && { UsageData: { Size: usage.sizeBytes, RefCount: usage.users } }),
  };
}

export function labelsOf({ labels, anonymous }: Volume): Readonly<Record<string, string>> {
  return anonymous ? { [ANONYMOUS_LABEL]: '', ...labels } : labels;
}
