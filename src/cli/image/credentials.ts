/**
 * @module Users and passwords for registries, where docker keeps them: ~/.docker/config.json, which it may share. They
 * are encoded there, not encrypted. Programs that keep credentials for docker are not asked.
 */

import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

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
  const key = registry ?? Object.keys(auths).find((known) => known.endsWith('/v1/')) ?? '';
  const { auth, identitytoken } = auths[key] ?? {};
  if (auth === undefined && identitytoken === undefined) return {};
  const [username = '', ...password] = Buffer.from(auth ?? '', 'base64')
    .toString()
    .split(':');
  const config = { username, password: password.join(':'), identitytoken, serveraddress: key };
  return { 'x-registry-auth': Buffer.from(JSON.stringify(config)).toString('base64url') };
}

export function saveCredentials(registry: string, { username, password, identitytoken }: Credentials): void {
  const config = readConfig();
  const auth = Buffer.from(`${username}:${identitytoken ? '' : password}`).toString('base64');
  const entry = identitytoken ? { auth, identitytoken } : { auth };
  writeConfig({ ...config, auths: { ...config.auths, [registry]: entry } });
}

export function forgetCredentials(registry: string): void {
  const { [registry]: _, ...auths } = readConfig().auths ?? {};
  writeConfig({ ...readConfig(), auths });
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
