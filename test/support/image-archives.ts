/**
 * @module Images made by hand, good and bad: tars, `docker save` archives and OCI archives from lists of entries.
 */

import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { type Header, pack } from 'tar-stream';
import type { ErrorCode } from '../../src/errors.ts';

export type TarEntry = Partial<Header> & Pick<Header, 'name'> & { readonly content?: string | Buffer };

/** A tar of these entries, whatever their names are. */
export async function tarOf(entries: readonly TarEntry[]): Promise<Buffer> {
  const tar = pack();
  for (const { content, ...header } of entries) tar.entry({ mtime: new Date(0), ...header }, content ?? '');
  tar.finalize();
  return buffer(tar);
}

export function digestOf(data: Buffer | string): string {
  return `sha256:${createHash('sha256').update(data).digest('hex')}`;
}

/** What `assert.throws` and `assert.rejects` are to compare a PontoonError with. */
export function refusal(code: ErrorCode, message = /./) {
  return { name: 'PontoonError', code, message };
}

export interface ImageParts {
  readonly layers: readonly Buffer[];
  readonly names?: readonly string[];
  /** Docker's `config`. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Instead of the layers' own digests. */
  readonly diffIds?: readonly string[];
}

export function configOf({ layers, config = {}, diffIds }: ImageParts): string {
  return JSON.stringify({
    created: '2026-01-02T03:04:05.678Z',
    architecture: 'amd64',
    os: 'linux',
    config,
    rootfs: { type: 'layers', diff_ids: diffIds ?? layers.map(digestOf) },
    history: layers.map((_, at) => ({ created: '2026-01-02T03:04:05Z', created_by: `step ${at}` })),
  });
}

/** As `docker save` wrote before Docker 25: a directory a layer, and manifest.json. */
export function dockerArchive(...images: ImageParts[]): Promise<Buffer> {
  const entries = new Map<string, Buffer | string>();
  const manifest = images.map((image) => {
    const config = configOf(image);
    const layers = image.layers.map((layer) => [`${digestOf(layer).slice(7)}/layer.tar`, layer] as const);
    const configName = `${digestOf(config).slice(7)}.json`;
    for (const [name, content] of [...layers, [configName, config] as const]) entries.set(name, content);
    return { Config: configName, RepoTags: image.names ?? null, Layers: layers.map(([name]) => name) };
  });
  entries.set('manifest.json', JSON.stringify(manifest));
  return tarOf([...entries].map(([name, content]) => ({ name, content })));
}

/** An OCI archive. `spoil` may change a blob after its digest is taken. */
export function ociArchive(image: ImageParts, spoil: (name: string, blob: Buffer) => Buffer = (_, blob) => blob) {
  const { documents, index } = ociDocuments(image);
  const blobs = [...documents].map(([digest, blob]) => {
    const name = `blobs/sha256/${digest.slice(7)}`;
    return { name, content: spoil(name, blob) };
  });
  return tarOf([
    { name: 'oci-layout', content: '{"imageLayoutVersion":"1.0.0"}' },
    ...blobs,
    { name: 'index.json', content: JSON.stringify(index) },
  ]);
}

/** The blobs of an image by digest, and the index that names it. */
export function ociDocuments(image: ImageParts) {
  const config = Buffer.from(configOf(image));
  const descriptor = (mediaType: string, blob: Buffer) => ({ mediaType, digest: digestOf(blob), size: blob.length });
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: descriptor('application/vnd.oci.image.config.v1+json', config),
      layers: image.layers.map((layer) => descriptor('application/vnd.oci.image.layer.v1.tar', layer)),
    }),
  );
  const names = image.names ?? [undefined];
  const index = {
    schemaVersion: 2,
    manifests: names.map((name) => ({
      ...descriptor('application/vnd.oci.image.manifest.v1+json', manifest),
      ...(name === undefined ? {} : { annotations: { 'org.opencontainers.image.ref.name': name } }),
    })),
  };
  const documents = new Map([manifest, config, ...image.layers].map((blob) => [digestOf(blob), blob] as const));
  return { documents, index, manifest };
}
