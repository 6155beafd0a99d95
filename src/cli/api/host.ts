/**
 * @module Where the daemon is: -H/--host, else PONTOON_HOST, else DOCKER_HOST, else its usual socket. A tcp:// host, or
 * HOST:PORT, is spoken to with TLS and client certificates only, because whoever reaches the API is root on the host.
 */

import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { PontoonError } from '../../errors.ts';

/** Where the daemon listens unless it is told otherwise. */
export const DEFAULT_SOCKET = '/run/pontoon.sock';

/** Options of node:http or node:https that reach the daemon. */
export type Host =
  | { readonly name: string; readonly socketPath: string }
  | {
      readonly name: string;
      readonly host: string;
      readonly port: number;
      readonly ca: Buffer;
      readonly cert: Buffer;
      readonly key: Buffer;
    };

export interface HostFlags {
  readonly host?: string;
  readonly tlscacert?: string;
  readonly tlscert?: string;
  readonly tlskey?: string;
}

/** Whether a host was named, so that nothing else may stand in for it. */
export function isHostNamed({ host }: HostFlags, env: NodeJS.ProcessEnv = process.env): boolean {
  return (host ?? env.PONTOON_HOST ?? env.DOCKER_HOST ?? '') !== '';
}

/** @throws PontoonError bad-value */
export function findHost(flags: HostFlags, env: NodeJS.ProcessEnv = process.env): Host {
  const named = [flags.host, env.PONTOON_HOST, env.DOCKER_HOST].find((host) => host !== undefined && host !== '');
  const name = named ?? `unix://${DEFAULT_SOCKET}`;
  const [, said, rest = ''] = /^(?:([a-z]+):\/\/)?(.*)$/.exec(name) ?? [];
  const scheme = said ?? (rest.startsWith('/') ? 'unix' : 'tcp');
  if (scheme === 'unix' && rest !== '') return { name: `unix://${rest}`, socketPath: rest };
  const [, host, port = '2376'] = /^(\[[^\]]+\]|[^:/]+)(?::(\d+))?\/?$/.exec(rest) ?? [];
  if ((scheme === 'tcp' || scheme === 'https') && host !== undefined) {
    const address = { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
    return { name: `${scheme}://${rest}`, ...address, ...certificates(flags, env) };
  }
  throw new PontoonError('bad-value', `cannot reach the host '${name}': write unix:///PATH or tcp://HOST:PORT`, {
    subject: name,
  });
}

/** Docker's three files and where it looks for them. */
function certificates({ tlscacert, tlscert, tlskey }: HostFlags, env: NodeJS.ProcessEnv) {
  const directory = env.DOCKER_CERT_PATH || env.DOCKER_CONFIG || join(homedir(), '.docker');
  return {
    ca: readFileSync(tlscacert ?? join(directory, 'ca.pem')),
    cert: readFileSync(tlscert ?? join(directory, 'cert.pem')),
    key: readFileSync(tlskey ?? join(directory, 'key.pem')),
  };
}
