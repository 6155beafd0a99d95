/**
 * @module References to images: `name[:tag][@digest]`, written and shown as Docker does.
 *
 * The first component of a name is a registry where it looks like a host (a dot, a colon, 'localhost', or an upper-case
 * letter). A name without one belongs to the default registry: the configured one, or the one that clients put before
 * such names themselves, as the docker command does; this code knows of none. Names are kept and shown in the short
 * form, without the default registry; only a pull needs the full one.
 * @see distribution/reference, the grammar of Docker's references
 */

import { PontoonError } from '../../errors.ts';

export interface Reference {
  /** Without tag and digest, in the short form: 'busybox', 'registry.lan:5000/team/app'. */
  readonly name: string;
  readonly tag: string | undefined;
  /** 'sha256:…' of a manifest. */
  readonly digest: string | undefined;
}

const HOST =
  /^(?:(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?$/;
const COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;
const LONGEST_NAME = 255;

/**
 * Takes a reference apart. `defaultRegistry` is a host, or a host and a path, that is left out of names.
 * @throws PontoonError bad-value, with Docker's words "invalid reference format"
 */
export function parseReference(text: string, defaultRegistry?: string): Reference {
  const [beforeDigest = '', digest, ...rest] = text.split('@');
  if (rest.length > 0 || (digest !== undefined && !DIGEST.test(digest))) throw invalid(text);
  const colon = beforeDigest.lastIndexOf(':');
  const tagged = colon > beforeDigest.lastIndexOf('/');
  const tag = tagged ? beforeDigest.slice(colon + 1) : undefined;
  if (tag !== undefined && !TAG.test(tag)) throw invalid(text);
  const name = tagged ? beforeDigest.slice(0, colon) : beforeDigest;
  const { registry, path } = splitName(name);
  if (registry !== undefined && !HOST.test(registry)) throw invalid(text);
  if (/[A-Z]/.test(path)) throw invalid(text, `: repository name (${path}) must be lowercase`);
  if (name.length > LONGEST_NAME)
    throw invalid(text, `: repository name must not be more than ${LONGEST_NAME} characters`);
  if (!path.split('/').every((component) => COMPONENT.test(component))) throw invalid(text);
  if (registry === undefined && /^[0-9a-f]{64}$/.test(path)) {
    throw invalid(text, ': a name cannot be 64 hexadecimal digits, which are an ID');
  }
  return { name: shortName(name, defaultRegistry), tag, digest };
}

/** 'name:tag', with the tag 'latest' where there is none; a digest is left out. */
export function nameWithTag({ name, tag }: Reference): string {
  return `${name}:${tag ?? 'latest'}`;
}

/** Where a short name is to be had. @throws PontoonError bad-value where it names no registry and there is no default */
export function registryName(name: string, defaultRegistry?: string): { registry: string; path: string } {
  const { registry, path } = splitName(name);
  if (registry !== undefined) return { registry, path };
  if (defaultRegistry === undefined) {
    throw new PontoonError(
      'bad-value',
      `"${name}" names no registry, and no default registry is configured: write HOST/${name}, or give the daemon --default-registry HOST ("default-registry" in daemon.json)`,
      { subject: name },
    );
  }
  const prefix = defaultPrefix(path, defaultRegistry);
  const full = splitName(`${prefix}${path}`);
  return { registry: full.registry ?? defaultRegistry, path: full.path };
}

/** True where a name without a registry means this full one of some registry that has the same rule as the default one. */
export function isShortFor(short: string, full: string): boolean {
  const { registry } = splitName(full);
  return registry !== undefined && full === `${defaultPrefix(short, registry)}${short}`;
}

/**
 * The host that a client has put before a name without a registry, known by 'library/', which nobody writes by hand; not
 * one with a port, which somebody did write.
 */
export function clientRegistryOf({ name }: Reference): string | undefined {
  const [registry = '', library, ...rest] = name.split('/');
  return library === 'library' && rest.length === 1 && registry.includes('.') && !registry.includes(':')
    ? registry
    : undefined;
}

/** What stands before a short path in the full name: Docker's rule puts plain names of a bare host below 'library/'. */
function defaultPrefix(path: string, defaultRegistry: string): string {
  const official = !defaultRegistry.includes('/') && !path.includes('/');
  return official ? `${defaultRegistry}/library/` : `${defaultRegistry}/`;
}

/** Without the default registry, where it begins with that; a tag or digest stays. */
export function shortName(name: string, defaultRegistry: string | undefined): string {
  if (defaultRegistry === undefined) return name;
  for (const prefix of [`${defaultRegistry}/library/`, `${defaultRegistry}/`]) {
    const path = name.startsWith(prefix) ? name.slice(prefix.length) : '';
    const means =
      path !== '' && splitName(path).registry === undefined && defaultPrefix(path, defaultRegistry) === prefix;
    if (means) return path;
  }
  return name;
}

function splitName(name: string): { registry: string | undefined; path: string } {
  const slash = name.indexOf('/');
  const first = name.slice(0, Math.max(slash, 0));
  const isHost = /[.:A-Z]/.test(first) || first === 'localhost';
  return isHost ? { registry: first, path: name.slice(slash + 1) } : { registry: undefined, path: name };
}

function invalid(text: string, why = ''): PontoonError {
  return new PontoonError('bad-value', `invalid reference format${why || `: "${text}" is not name[:tag][@digest]`}`, {
    subject: text,
  });
}
