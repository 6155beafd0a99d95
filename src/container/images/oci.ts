/**
 * @module The documents of an OCI image layout, as far as Pontoon reads and writes them.
 * @see OCI image-spec: image-layout.md, descriptor.md, manifest.md, image-index.md, config.md
 */

import { createHash } from 'node:crypto';
import { PontoonError } from '../../errors.ts';

export const MEDIA_TYPES = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
  layerGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  dockerIndex: 'application/vnd.docker.distribution.manifest.list.v2+json',
} as const;

/** True for a manifest list or an index, of Docker's or the OCI's. */
export function isIndexType(mediaType: unknown): boolean {
  return mediaType === MEDIA_TYPES.index || mediaType === MEDIA_TYPES.dockerIndex;
}

export interface Descriptor {
  readonly mediaType: string;
  /** 'sha256:…'. */
  readonly digest: string;
  readonly size: number;
  readonly platform?: { readonly architecture?: string; readonly os?: string; readonly variant?: string };
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface Manifest {
  readonly schemaVersion: 2;
  readonly mediaType?: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

export interface Index {
  readonly schemaVersion: 2;
  readonly mediaType?: string;
  readonly manifests: readonly Descriptor[];
  readonly annotations?: Readonly<Record<string, string>>;
}

/** The name of a descriptor in a layout's index. */
export const REF_NAME = 'org.opencontainers.image.ref.name';

export const OCI_LAYOUT = '{"imageLayoutVersion":"1.0.0"}';

export function sha256(data: Uint8Array | string): string {
  return `sha256:${createHash('sha256').update(data).digest('hex')}`;
}

/** The hexadecimal part of a digest. @throws PontoonError bad-image where it is none: it becomes a file's name */
export function hexOf(digest: unknown): string {
  if (typeof digest === 'string' && /^sha256:[0-9a-f]{64}$/.test(digest)) return digest.slice('sha256:'.length);
  throw badImage(`${JSON.stringify(digest)} is not a sha256 digest`);
}

/** The first 12 digits, as Docker shows digests and IDs. */
export function shortDigest(digest: string): string {
  return digest.replace(/^sha256:/, '').slice(0, 12);
}

export function badImage(message: string, cause?: unknown): PontoonError {
  return new PontoonError('bad-image', message, cause === undefined ? {} : { cause });
}

/** Parses a document of an image, which must be an object. @throws PontoonError bad-image */
export function parseObject(text: Buffer | string, what: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text.toString());
    if (isObject(value)) return value;
  } catch (cause) {
    throw badImage(`${what} is not JSON: ${(cause as Error).message}`, cause);
  }
  throw badImage(`${what} is not a JSON object`);
}

/** @throws PontoonError bad-image where it is no image manifest */
export function parseManifest(text: Buffer | string, what: string): Manifest {
  const value = parseObject(text, what);
  if (!isDescriptor(value.config) || !isDescriptorList(value.layers))
    throw badImage(`${what} is not an image manifest`);
  return value as unknown as Manifest;
}

/** @throws PontoonError bad-image where it is no image index */
export function parseIndex(text: Buffer | string, what: string): Index {
  const value = parseObject(text, what);
  if (!isDescriptorList(value.manifests)) throw badImage(`${what} is not an image index`);
  return value as unknown as Index;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isDescriptor(value: unknown): value is Descriptor {
  if (!isObject(value)) return false;
  hexOf(value.digest);
  return typeof value.size === 'number';
}

function isDescriptorList(value: unknown): value is Descriptor[] {
  return Array.isArray(value) && value.every(isDescriptor);
}

/** Go's name of this machine's architecture. */
export const HOST_ARCHITECTURE =
  ({ x64: 'amd64', ia32: '386' } as Record<string, string>)[process.arch] ?? process.arch;

/** A platform as Docker writes it: 'os', 'os/architecture' or 'os/architecture/variant'. Default: this machine's. */
export function parsePlatform(text = 'linux'): { os: string; architecture: string; variant: string | undefined } {
  const [os = '', architecture = HOST_ARCHITECTURE, variant] = text.split('/');
  return { os: os || 'linux', architecture, variant };
}

/** The image of an index that fits the platform. @throws PontoonError image-not-found */
export function choosePlatform(index: Index, platform: string | undefined, what: string): Descriptor {
  const wanted = parsePlatform(platform);
  const fitting = index.manifests.filter(
    ({ platform: has }) =>
      has?.architecture === wanted.architecture &&
      (has.os ?? 'linux') === wanted.os &&
      (wanted.variant === undefined || has.variant === wanted.variant),
  );
  if (fitting[0] !== undefined) return fitting[0];
  const has = index.manifests.map(({ platform: p }) => [p?.os, p?.architecture, p?.variant].filter(Boolean).join('/'));
  const named = [wanted.os, wanted.architecture, wanted.variant].filter(Boolean).join('/');
  throw new PontoonError(
    'image-not-found',
    `no matching manifest for ${named} in the manifest list entries of ${what}: it has ${has.join(', ') || 'none'}`,
    { subject: what },
  );
}
