/**
 * @module Users and passwords for registries, where docker keeps them: ~/.docker/config.json, which it may share. They
 * are encoded there, not encrypted. Programs that keep credentials for docker are not asked.
 */

import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { registryHost } from '../../container/images/registry-host.ts';

interface DockerConfig {
  readonly auths?: Readonly<Record<string, { readonly auth?: string; readonly identitytoken?: string }>>;
}

export interface Credentials {
  readonly username: string;
  readonly password: string;
  readonly identitytoken?: string;
}

/** The header that carries them to the daemon, or none. @param registry - undefined: the default one */
export function credentialsFor(registry: string | undefined): Record<string, string> {
  const { auths = {} } = readConfig();
  // Docker keeps those for its default registry by the address of an index, all others by the registry's host.
  const keys = registry === undefined ? Object.keys(auths).filter(isIndex) : keysOf(registry, auths);
  const [key = ''] = keys;
  const { auth, identitytoken } = auths[key] ?? {};
  if (auth === undefined && identitytoken === undefined) return {};
  const [username = '', ...password] = Buffer.from(auth ?? '', 'base64')
    .toString()
    .split(':');
  const config = { username, password: password.join(':'), identitytoken, serveraddress: key };
  return { 'x-registry-auth': Buffer.from(JSON.stringify(config)).toString('base64url') };
}

/** Keeps them where docker looks for them, which takes the place of what is there for the same registry. */
export function saveCredentials(address: string, { username, password, identitytoken }: Credentials): void {
  const { auths = {}, ...config } = readConfig();
  const [known = registryHost(address)] = keysOf(address, auths);
  const auth = Buffer.from(`${username}:${identitytoken ? '' : password}`).toString('base64');
  const entry = identitytoken ? { auth, identitytoken } : { auth };
  writeConfig({ ...config, auths: { ...auths, [isIndex(address) ? address : known]: entry } });
}

export function forgetCredentials(address: string): void {
  const { auths = {}, ...config } = readConfig();
  const gone = keysOf(address, auths);
  writeConfig({ ...config, auths: Object.fromEntries(Object.entries(auths).filter(([key]) => !gone.includes(key))) });
}

function isIndex(address: string): boolean {
  return address.endsWith('/v1/');
}

/** The entries of a registry, by whichever of its addresses; the one that has the very name first. */
function keysOf(address: string, auths: object): string[] {
  const keys = Object.keys(auths).filter((key) => registryHost(key) === registryHost(address));
  return keys.toSorted((a, b) => Number(b === address) - Number(a === address));
}

function pathOf(): string {
  return join(process.env.DOCKER_CONFIG || join(homedir(), '.docker'), 'config.json');
}

function readConfig(): DockerConfig {
  try {
    return JSON.parse(readFileSync(pathOf(), 'utf8')) as DockerConfig;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
}

/** For the user alone, and never half written. */
function writeConfig(config: DockerConfig): void {
  const path = pathOf();
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(`${path}.new`, `${JSON.stringify(config, undefined, '\t')}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
