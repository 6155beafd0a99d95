/** @module Which registries may be spoken to without TLS, or with any certificate. */

import { isIP } from 'node:net';
import { Address, Prefix } from '../../ipam/index.ts';

/** Docker trusts what is on this host. */
const LOOPBACK = ['127.0.0.0/8', '::1/128'];

/** @param listed hosts, with port where it is not the usual, and prefixes of addresses; names are not looked up for these */
export function isInsecure(registry: string, listed: readonly string[] = []): boolean {
  const host = registry.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  if (host === 'localhost' || listed.includes(registry)) return true;
  if (isIP(host) === 0) return false;
  const address = Address.parse(host);
  const prefixes = [...LOOPBACK, ...listed.filter((one) => one.includes('/'))];
  return prefixes.some((prefix) => Prefix.parse(prefix).contains(address));
}
