/**
 * @module Fetching an image from a registry by skopeo, into a stage.
 *
 * skopeo would rewrite Docker's configuration to OCI's, which loses the healthcheck and changes the image's ID. So the
 * manifest and the configuration are asked for as they are, and the copy is for the layers, by digest: nothing can
 * change on the way. skopeo checks each blob's digest; the stage checks them against the configuration.
 *
 * skopeo does not tell how far it is: bytes are counted in the files that it writes, for all layers together, since
 * their temporary names do not say which layer they are.
 */

import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PontoonError } from '../../errors.ts';
import { runProgram } from '../programs.ts';
import type { Credentials, Progress } from '../types.ts';
import {
  badImage,
  choosePlatform,
  type Descriptor,
  isIndexType,
  type Manifest,
  parseIndex,
  parseManifest,
  parseObject,
  sha256,
  shortDigest,
} from './oci.ts';
import { type Reference, registryName } from './reference.ts';
import { registryHost } from './registry-host.ts';
import type { Blob, Stage } from './stage.ts';

export interface PullOptions {
  /** 'os/architecture[/variant]'. Default: this machine's. */
  readonly platform?: string | undefined;
  readonly credentials?: Credentials | undefined;
  /** Without TLS, or with any certificate. Default: where `isInsecure` says so. */
  readonly insecure?: boolean | undefined;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** A registry that sends nothing for so long has stopped. Default: a minute. */
  readonly stallTimeoutMs?: number | undefined;
}

export interface FetchedManifest {
  /** Of what the name led to: an index, or the image's manifest itself. */
  readonly digest: string;
  /** The image's own. */
  readonly manifestDigest: string;
  readonly manifest: Manifest;
}

const WATCH_MS = 250;
const STALL_MS = 60_000;

/** One image in a registry, on its way into a stage. */
export class RemoteImage {
  readonly #stage: Stage;
  readonly #repository: string;
  readonly #registry: string;
  readonly #reference: Reference;
  readonly #options: PullOptions;
  readonly #access: readonly string[];

  /** @throws PontoonError bad-value where the name has no registry and there is no default */
  constructor(
    stage: Stage,
    reference: Reference,
    options: PullOptions & { readonly defaultRegistry?: string | undefined },
  ) {
    const { registry, path } = registryName(reference.name, options.defaultRegistry);
    this.#stage = stage;
    this.#registry = registry;
    this.#repository = `docker://${registry}/${path}`;
    this.#reference = reference;
    this.#options = options;
    this.#access = [
      `--tls-verify=${options.insecure !== true}`,
      ...credentialArguments(stage, registry, options.credentials),
    ];
  }

  /** Asks what the name means, and for this platform's image. @throws PontoonError image-not-found, registry-denied, registry */
  async manifest(): Promise<FetchedManifest> {
    const { tag, digest } = this.#reference;
    const text = await this.#inspect(digest === undefined ? `:${tag ?? 'latest'}` : `@${digest}`);
    const listDigest = sha256(text);
    if (
      !isIndexType(parseObject(text, 'the manifest').mediaType) &&
      !('manifests' in parseObject(text, 'the manifest'))
    ) {
      return { digest: listDigest, manifestDigest: listDigest, manifest: this.#imageManifest(text) };
    }
    const chosen = choosePlatform(parseIndex(text, 'the index'), this.#options.platform, this.#reference.name);
    const manifest = this.#imageManifest(await this.#inspect(`@${chosen.digest}`));
    return { digest: listDigest, manifestDigest: chosen.digest, manifest };
  }

  /** The configuration, byte for byte. @throws PontoonError registry, bad-image */
  async config({ manifestDigest, manifest }: FetchedManifest): Promise<Blob> {
    const blob = this.#stage.addBytes(await this.#inspect(`@${manifestDigest}`, '--config'));
    if (blob.digest === manifest.config.digest) return blob;
    throw badImage(`the registry sent a configuration that is ${blob.digest}, not ${manifest.config.digest}`);
  }

  /** The layers that are not in the stage yet. @throws PontoonError registry, disk-full */
  async layers({ manifestDigest, manifest }: FetchedManifest): Promise<void> {
    using watch = new Watch(this.#stage, manifest.layers, this.#options.onProgress ?? (() => {}), this.#reference);
    const copy = [
      'copy',
      ...this.#access.map((option) => option.replace(/^--(?=tls|no-creds|authfile)/, '--src-')),
      '--dest-oci-accept-uncompressed-layers',
      `--dest-shared-blob-dir=${join(this.#stage.path, 'blobs')}`,
      `${this.#repository}@${manifestDigest}`,
      `oci:${join(this.#stage.path, COPY)}:image`,
    ];
    await this.#skopeo(copy, () => watch.bytes);
    watch.finish();
  }

  #inspect(which: string, ...more: string[]): Promise<Buffer> {
    return this.#skopeo(['inspect', '--raw', ...more, ...this.#access, `${this.#repository}${which}`], () => 0);
  }

  #imageManifest(text: Buffer): Manifest {
    if (parseObject(text, 'the manifest').schemaVersion === 1) {
      throw badImage(
        `${this.#reference.name} is of the old format "schema 1", which Pontoon does not read: push it anew`,
      );
    }
    return parseManifest(text, 'the manifest');
  }

  /** Runs skopeo, and ends it when `bytes` stands still. */
  async #skopeo(args: readonly string[], bytes: () => number): Promise<Buffer> {
    const { signal, stallTimeoutMs = STALL_MS } = this.#options;
    const stalled = new AbortController();
    let last = { bytes: 0, atMs: performance.now() };
    const timer = setInterval(
      () => {
        const now = { bytes: bytes(), atMs: performance.now() };
        if (now.bytes !== last.bytes) last = now;
        else if (now.atMs - last.atMs > stallTimeoutMs) stalled.abort(this.#stopped(stallTimeoutMs));
      },
      Math.min(WATCH_MS, stallTimeoutMs),
    );
    try {
      const signals = signal === undefined ? stalled.signal : AbortSignal.any([signal, stalled.signal]);
      return await runProgram('skopeo', args, { signal: signals });
    } catch (error) {
      throw PontoonError.is(error, 'program') ? this.#failure(error) : error;
    } finally {
      clearInterval(timer);
    }
  }

  #stopped(timeoutMs: number): PontoonError {
    const message = `the registry ${this.#registry} stopped sending: nothing came for ${timeoutMs / 1000} s; try again`;
    return new PontoonError('registry', message, { subject: this.#registry });
  }

  /** What skopeo said, in the words of Docker where clients match them. */
  #failure(cause: PontoonError): PontoonError {
    const { name, tag, digest } = this.#reference;
    const full = digest === undefined ? `${name}:${tag ?? 'latest'}` : `${name}@${digest}`;
    const said = cause.message.replace(/^skopeo failed: (?:Error parsing image name "[^"]*": )?/, '');
    if (/manifest unknown|name unknown|\bnot found\b/i.test(said)) {
      return new PontoonError('image-not-found', `manifest for ${full} not found: ${said}`, { cause, subject: full });
    }
    if (/unauthorized|authentication required|denied|invalid username/i.test(said)) {
      const message = `pull access denied for ${name}, repository does not exist or may require 'docker login': ${said}`;
      return new PontoonError('registry-denied', message, { cause, subject: full });
    }
    return new PontoonError('registry', `cannot pull ${full}: ${said}`, { cause, subject: this.#registry });
  }
}

/** The directory of a stage in which skopeo has what it has not finished. */
const COPY = 'copy';

/** Tells how the layers come in, in Docker's words. */
class Watch implements Disposable {
  readonly #stage: Stage;
  readonly #pending: Map<string, number>;
  readonly #total: number;
  readonly #onProgress: (progress: Progress) => void;
  readonly #id: string;
  readonly #timer: NodeJS.Timeout;
  #done = 0;

  constructor(
    stage: Stage,
    layers: readonly Descriptor[],
    onProgress: (progress: Progress) => void,
    { tag, name }: Reference,
  ) {
    this.#stage = stage;
    this.#onProgress = onProgress;
    this.#id = tag ?? name;
    this.#pending = new Map(
      layers.filter(({ digest }) => !this.#has(digest)).map(({ digest, size }) => [digest, size]),
    );
    this.#total = [...this.#pending.values()].reduce((sum, size) => sum + size, 0);
    for (const { digest } of layers) {
      onProgress({ id: shortDigest(digest), status: this.#has(digest) ? 'Already exists' : 'Pulling fs layer' });
    }
    this.#timer = setInterval(() => this.#look(), WATCH_MS);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  /** How many have come, of all layers. */
  get bytes(): number {
    return this.#done + unfinishedBytes(join(this.#stage.path, COPY));
  }

  /** Everything has come. */
  finish(): void {
    this.#look();
  }

  #look(): void {
    for (const [digest, size] of this.#pending) {
      if (!this.#has(digest)) continue;
      this.#pending.delete(digest);
      this.#done += size;
      this.#onProgress({ id: shortDigest(digest), status: 'Download complete' });
    }
    const current = Math.min(this.bytes, this.#total);
    if (this.#total > 0) this.#onProgress({ id: this.#id, status: 'Downloading', current, total: this.#total });
  }

  #has(digest: string): boolean {
    return statSync(this.#stage.blobPath(digest), { throwIfNoEntry: false }) !== undefined;
  }
}

function unfinishedBytes(directory: string): number {
  try {
    return readdirSync(directory)
      .filter((name) => name.startsWith('oci-put-blob'))
      .reduce((sum, name) => sum + (statSync(join(directory, name), { throwIfNoEntry: false })?.size ?? 0), 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0; // skopeo has not begun
    throw error;
  }
}

/**
 * Credentials go by a file: a command line can be read by everybody. The stage takes it away. Those that a client has for
 * another registry, such as its default one, are not shown to this one.
 */
function credentialArguments(stage: Stage, registry: string, credentials: Credentials | undefined): string[] {
  const { username, password, identityToken, serverAddress = '' } = credentials ?? {};
  const areForOther = serverAddress !== '' && registryHost(serverAddress) !== registry;
  if (credentials === undefined || areForOther) return ['--no-creds'];
  const auth = Buffer.from(`${username}:${identityToken === undefined ? password : ''}`).toString('base64');
  const entry = identityToken === undefined ? { auth } : { auth, identitytoken: identityToken };
  const path = join(stage.path, 'auth.json');
  writeFileSync(path, JSON.stringify({ auths: { [registry]: entry } }), { mode: 0o600 });
  return [`--authfile=${path}`];
}
