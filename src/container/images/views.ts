/**
 * @module What images are shown as: one, how it was made, and how much room all of them take.
 */

import type { HistoryEntry, Image } from '../types.ts';
import { type StoredImage, tarBytesOf } from './store.ts';

export interface DiskUsage {
  /** All images; what several share counts once. */
  readonly totalBytes: number;
  /** By image ID: what it shares with others, in bytes. */
  readonly sharedBytes: ReadonlyMap<string, number>;
}

export function toImage(stored: StoredImage): Image {
  const { document } = stored;
  return {
    id: stored.id,
    tags: stored.names,
    digests: stored.digests,
    createdMs: document.createdMs,
    sizeBytes: tarBytesOf(stored).reduce((sum, size) => sum + size, 0),
    architecture: document.architecture,
    os: document.os,
    author: document.author,
    comment: document.comment,
    config: document.config,
    layers: document.diffIds,
  };
}

/** Newest step first. */
export function historyOf(image: StoredImage): HistoryEntry[] {
  const sizes = tarBytesOf(image).values();
  const steps = image.document.history.map((step) => ({
    ...step,
    sizeBytes: step.empty ? 0 : (sizes.next().value ?? 0),
  }));
  // An image need not say how it was made: then each layer is a step.
  const unnamed = [...sizes].map((sizeBytes) => ({ createdMs: 0, createdBy: '', comment: '', sizeBytes }));
  return [...steps, ...unnamed].reverse().map(({ createdMs, createdBy, comment, sizeBytes }, at) => ({
    createdMs,
    createdBy,
    comment,
    sizeBytes,
    id: at === 0 ? image.id : '<missing>',
    tags: at === 0 ? image.names : [],
  }));
}

export function diskUsageOf(images: readonly StoredImage[]): DiskUsage {
  const layers = new Map<string, { bytes: number; images: number }>();
  const each = images.map((image) => {
    const sizes = tarBytesOf(image);
    return { id: image.id, layers: image.document.diffIds.map((diffId, at) => [diffId, sizes[at] ?? 0] as const) };
  });
  for (const [diffId, bytes] of each.flatMap((image) => image.layers)) {
    layers.set(diffId, { bytes, images: (layers.get(diffId)?.images ?? 0) + 1 });
  }
  const shared = (diffId: string, bytes: number) => ((layers.get(diffId)?.images ?? 0) > 1 ? bytes : 0);
  return {
    totalBytes: [...layers.values()].reduce((sum, { bytes }) => sum + bytes, 0),
    sharedBytes: new Map(
      each.map((image) => [image.id, image.layers.reduce((sum, [diffId, bytes]) => sum + shared(diffId, bytes), 0)]),
    ),
  };
}
