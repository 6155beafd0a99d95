/**
 * @module nft's JSON values (libnftables-json(5)) against the values of a packet: single ones, prefixes, ranges, sets,
 * concatenations.
 */

import { Address, Prefix } from '../../../ipam/index.ts';
import type { Truth } from './packet.ts';

/** A value of a packet; several for a concatenation and for flags. */
export type Datum = Address | number | string | readonly Datum[];

/** JSON as it came. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

export interface NamedSet {
  /** Elements; of a map, each is [key, value]. */
  readonly elements: readonly Json[];
  readonly isMap: boolean;
  /** Filled by packets: what a snapshot holds of it may be old. */
  readonly dynamic: boolean;
}

export function isObject(json: Json | undefined): json is JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

/** Whether a value equals, or lies in, what a rule or an element says. */
export function fits(value: Datum, wanted: Json): Truth {
  if (isObject(wanted)) {
    if (isObject(wanted.elem)) return fits(value, wanted.elem.val ?? null);
    if (isObject(wanted.prefix)) return fitsPrefix(value, wanted.prefix);
    if (Array.isArray(wanted.range)) {
      const [first, last] = wanted.range;
      const low = order(value, first ?? null);
      const high = order(value, last ?? null);
      return low === undefined || high === undefined ? undefined : low >= 0 && high <= 0;
    }
    if (Array.isArray(wanted.concat)) {
      const parts: readonly Json[] = wanted.concat;
      if (!Array.isArray(value) || value.length !== parts.length) return undefined;
      return parts.reduce<Truth>((truth, part, index) => {
        if (truth === false) return false;
        const one = fits(value[index] as Datum, part);
        return one === false ? false : truth === undefined ? undefined : one;
      }, true);
    }
    if (Array.isArray(wanted.set)) return anyFits(value, wanted.set);
    return undefined;
  }
  if (Array.isArray(wanted)) return anyFits(value, wanted);
  if (wanted === '*') return true;
  const result = order(value, wanted);
  return result === undefined ? undefined : result === 0;
}

export function anyFits(value: Datum, wanted: readonly Json[]): Truth {
  let known = true;
  for (const one of wanted) {
    const truth = fits(value, one);
    if (truth === true) return true;
    if (truth === undefined) known = false;
  }
  return known ? false : undefined;
}

/** Less than 0, 0, or more: where the value is beside a single one. Undefined when they cannot be compared. */
export function order(value: Datum, wanted: Json): number | undefined {
  if (value instanceof Address) {
    const other = typeof wanted === 'string' ? tryAddress(wanted) : undefined;
    if (other === undefined || other.family !== value.family) return undefined;
    return value.value < other.value ? -1 : value.value > other.value ? 1 : 0;
  }
  if (typeof value === 'number') {
    const other = typeof wanted === 'string' ? numberOf(wanted) : wanted;
    return typeof other === 'number' ? value - other : undefined;
  }
  if (typeof value === 'string' && typeof wanted === 'string') {
    // 'veth*' is how nft writes the beginning of an interface's name.
    if (wanted.endsWith('*') && !wanted.endsWith('\\*')) return value.startsWith(wanted.slice(0, -1)) ? 0 : 1;
    const literal = wanted.replace(/\\\*$/, '*');
    return value === literal ? 0 : value < literal ? -1 : 1;
  }
  return undefined;
}

function fitsPrefix(value: Datum, prefix: JsonObject): Truth {
  if (!(value instanceof Address) || typeof prefix.addr !== 'string' || typeof prefix.len !== 'number')
    return undefined;
  const base = tryAddress(prefix.addr);
  if (base === undefined) return undefined;
  if (base.family !== value.family || prefix.len < 0 || prefix.len > (base.family === 4 ? 32 : 128)) return false;
  return new Prefix(base, prefix.len).contains(value);
}

const addresses = new Map<string, Address | undefined>();

/** An address from text; undefined when it is none. What was read is remembered: rules repeat themselves. */
export function tryAddress(text: string): Address | undefined {
  if (addresses.has(text)) return addresses.get(text);
  let address: Address | undefined;
  try {
    address = Address.parse(text);
  } catch {
    address = undefined;
  }
  if (addresses.size > 50_000) addresses.clear();
  addresses.set(text, address);
  return address;
}

function numberOf(text: string): number | undefined {
  return /^(?:0x[0-9a-f]+|\d+)$/i.test(text) ? Number(text) : undefined;
}
