/**
 * @module Writing images to an archive: an OCI layout with the manifest.json of `docker save` in it, as Docker 25 and
 * later write, which old Docker, skopeo and Pontoon read too. It comes as a stream; nothing is copied on disk.
 */

import { createReadStream, statSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Pack, pack } from 'tar-stream';
import { hexOf, MEDIA_TYPES, OCI_LAYOUT, REF_NAME } from './oci.ts';
import { blobsOf, type ImageStore, type StoredImage } from './store.ts';

/** Of every file, so that the same images give the same archive. */
const EPOCH = new Date(0);

export interface SavedImage {
  readonly image: StoredImage;
  /** 'name:tag', those that the archive gives back when it is loaded. */
  readonly names: readonly string[];
}

/** An error on the way (a blob that is removed meanwhile) ends the stream with it. */
export function saveArchive(store: ImageStore, images: readonly SavedImage[]): Readable {
  const tar = pack();
  write(tar, store, images).catch((error: unknown) => tar.destroy(error as Error));
  return Readable.from(tar);
}

async function write(tar: Pack, store: ImageStore, images: readonly SavedImage[]): Promise<void> {
  for (const name of ['blobs/', 'blobs/sha256/']) tar.entry({ name, type: 'directory', mode: 0o755, mtime: EPOCH });
  for (const digest of new Set(images.flatMap(({ image }) => blobsOf(image)))) {
    const path = store.blobPath(digest);
    await pipeline(
      createReadStream(path),
      tar.entry({ name: blobName(digest), size: statSync(path).size, mtime: EPOCH }),
    );
  }
  tar.entry({ name: 'index.json', mtime: EPOCH }, JSON.stringify(indexOf(images)));
  tar.entry({ name: 'manifest.json', mtime: EPOCH }, JSON.stringify(images.map(dockerManifestOf)));
  tar.entry({ name: 'oci-layout', mtime: EPOCH }, OCI_LAYOUT);
  tar.finalize();
}

function indexOf(images: readonly SavedImage[]) {
  const manifests = images.flatMap(({ image, names }) =>
    (names.length === 0 ? [undefined] : names).map((name) => ({
      ...image.descriptor,
      ...(name === undefined
        ? {}
        : { annotations: { 'io.containerd.image.name': name, [REF_NAME]: name.slice(name.lastIndexOf(':') + 1) } }),
    })),
  );
  return { schemaVersion: 2, mediaType: MEDIA_TYPES.index, manifests };
}

/** The entry of an image in manifest.json. @see moby image/tarexport */
function dockerManifestOf({ image, names }: SavedImage) {
  return {
    Config: blobName(image.id),
    RepoTags: names.length === 0 ? null : names,
    Layers: image.manifest.layers.map(({ digest }) => blobName(digest)),
  };
}

function blobName(digest: string): string {
  return `blobs/sha256/${hexOf(digest)}`;
}
