/**
 * @module Which subnet a new network gets, out of everything that this host already uses.
 *
 * Knows the prefixes that are taken (by our networks and by the host's routes) and the default pools that subnets are
 * chosen from when the user names none. Every choice costs one walk down a tree, whatever the number of networks and
 * routes. A choice is the lowest free block of the first pool that has one, so it does not depend on history.
 */
import { PontoonError } from '../errors.ts';
import { ADDRESS_BITS, Address, type Family } from './address.ts';
import { Prefix } from './prefix.ts';
import { PrefixTree, type TakenPrefix } from './prefix-tree.ts';

/** A prefix that is divided into subnets of `size` bits. */
export interface DefaultPool {
  readonly base: string;
  readonly size: number;
}

/** What the default network asks for first (Docker's own first choice). */
export const DEFAULT_NETWORK_SUBNET = Prefix.parse('172.17.0.0/16');

/**
 * 10.89.0.0 to 10.255.255.255 by /24: 42,752 networks, away from the 10.0 and 10.1 that sites like. Then the other
 * private space, for hosts where a VPN routes all of 10.0.0.0/8.
 */
export const DEFAULT_POOLS: readonly DefaultPool[] = [
  '10.89.0.0/16',
  '10.90.0.0/15',
  '10.92.0.0/14',
  '10.96.0.0/11',
  '10.128.0.0/9',
  '172.18.0.0/15',
  '172.20.0.0/14',
  '172.24.0.0/13',
  '192.168.0.0/16',
].map((base) => ({ base, size: 24 }));

/** A subnet from the default pools. */
export interface SubnetRequest {
  readonly family: Family;
  /** Default: the size of each pool. */
  readonly length?: number | undefined;
  /** Taken instead when it is free. */
  readonly prefer?: Prefix | undefined;
}

/** Prefixes that no network can have, and what they are. */
const SPECIAL = [
  ['0.0.0.0/8', 'means "this network"'],
  ['127.0.0.0/8', 'is loopback'],
  ['224.0.0.0/4', 'is multicast'],
  ['::/127', 'is unspecified and loopback'],
  ['fe80::/10', 'is link-local, which every interface has already'],
  ['ff00::/8', 'is multicast'],
].map(([text, what]) => ({ prefix: Prefix.parse(text!), what: what! }));

/**
 * A route shorter than this owns nothing: it is a default route, or one of the pieces that VPN clients cut it into to
 * override it (0.0.0.0/1 and 128.0.0.0/1; ::/3 to fc00::/7). The largest private blocks are 10.0.0.0/8 and fd00::/8.
 */
const SHORTEST_OWNED_ROUTE = 8;

export interface AddressSpaceOptions {
  /** This engine's own IPv6 prefix, see {@link ulaPrefix}: it is the IPv6 pool (of /64) when `pools` has none. */
  ula: Prefix;
  /** Those of a family replace the default ones of that family. */
  pools?: readonly DefaultPool[] | undefined;
}

interface Pool {
  readonly base: Prefix;
  readonly size: number;
}

export class AddressSpace {
  readonly #pools: Record<Family, readonly Pool[]>;
  readonly #taken: Record<Family, PrefixTree> = { 4: new PrefixTree(), 6: new PrefixTree() };
  /** The host routes in `#taken`, by text, to tell what changed. */
  #routes = new Map<string, TakenPrefix>();

  /** Throws 'bad-subnet' for a bad pool. */
  constructor({ ula, pools = [] }: AddressSpaceOptions) {
    const given = pools.map(parsePool);
    const ofFamily = (family: Family, defaults: readonly Pool[]): readonly Pool[] => {
      const chosen = given.filter(({ base }) => base.family === family);
      return chosen.length > 0 ? chosen : defaults;
    };
    this.#pools = { 4: ofFamily(4, DEFAULT_POOLS.map(parsePool)), 6: ofFamily(6, [{ base: ula, size: 64 }]) };
  }

  /**
   * Takes a subnet for a network: the given one, or one from the default pools. `holder` completes "…, which ".
   * Throws 'bad-subnet' (no network can have it, or no pool is as large), 'subnet-overlap', 'pools-full'.
   */
  claim(request: Prefix | SubnetRequest, holder: string): Prefix {
    const prefix = request instanceof Prefix ? this.#checkExplicit(request) : this.#choose(request);
    this.#taken[prefix.family].add({ prefix, holder });
    return prefix;
  }

  /** Takes a subnet without asking: for a network that has it already, when the engine starts. */
  restore(taken: TakenPrefix): void {
    this.#taken[taken.prefix.family].add(taken);
  }

  /** Gives back what {@link claim} or {@link restore} took; false when `holder` does not have it. */
  release(taken: TakenPrefix): boolean {
    return this.#taken[taken.prefix.family].delete(taken);
  }

  /**
   * Replaces what is known of the host's own routes (without those to our networks), for example
   * `{ prefix, holder: 'the host routes through tun0' }`. Call it with the current routes before a claim.
   */
  setHostRoutes(routes: Iterable<TakenPrefix>): void {
    const next = new Map<string, TakenPrefix>();
    for (const route of routes) {
      const { family, base, length } = route.prefix;
      if (length >= SHORTEST_OWNED_ROUTE) next.set(`${family} ${base}/${length} ${route.holder}`, route);
    }
    for (const [key, route] of this.#routes) if (!next.has(key)) this.#taken[route.prefix.family].delete(route);
    for (const [key, route] of next) if (!this.#routes.has(key)) this.#taken[route.prefix.family].add(route);
    this.#routes = next;
  }

  #checkExplicit(prefix: Prefix): Prefix {
    const subject = prefix.toString();
    const special = SPECIAL.find((candidate) => candidate.prefix.overlaps(prefix));
    if (special !== undefined) {
      const message = `${prefix} cannot be a network's subnet, as ${special.prefix} ${special.what}: ${this.#advice(prefix)}`;
      throw new PontoonError('bad-subnet', message, { subject });
    }
    prefix.usableRange(); // throws where there is no room for hosts
    const overlap = this.#taken[prefix.family].findOverlap(prefix);
    if (overlap !== undefined) {
      const message = `${prefix} overlaps ${overlap.prefix}, which ${overlap.holder}: ${this.#advice(prefix)}`;
      throw new PontoonError('subnet-overlap', message, { subject });
    }
    return prefix;
  }

  #choose({ family, length, prefer }: SubnetRequest): Prefix {
    if (prefer !== undefined && this.#taken[family].findOverlap(prefer) === undefined) return prefer;
    if (length !== undefined) this.#checkLength(family, length);
    const found = this.#findFree(family, length);
    if (found !== undefined) return found;
    const wanted = `IPv${family} subnet${length === undefined ? '' : ` of /${length}`}`;
    throw new PontoonError(
      'pools-full',
      `all predefined address pools have been fully subnetted, no ${wanted} is left: ` +
        'remove networks that are not used, name a subnet, or configure more pools',
    );
  }

  #checkLength(family: Family, length: number): void {
    const largest = Math.min(...this.#pools[family].map(({ base }) => base.length));
    const smallest = ADDRESS_BITS[family] - 1;
    if (Number.isInteger(length) && length >= largest && length <= smallest) return;
    throw new PontoonError(
      'bad-subnet',
      `the default IPv${family} pools have no subnet of /${length}: ask for /${largest} to /${smallest} or name a subnet`,
      { subject: `/${length}` },
    );
  }

  #findFree(family: Family, length?: number): Prefix | undefined {
    for (const { base, size } of this.#pools[family]) {
      const found = this.#taken[family].findFree(base, length ?? size);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #advice({ family }: Prefix): string {
    const example = this.#findFree(family);
    return example === undefined ? 'choose another subnet' : `choose another subnet, for example ${example}`;
  }
}

/**
 * Reads what a user wrote for a subnet: one subnet ('172.18.0.0/24'), or a size from the default pools, as Docker 29
 * has it: '0.0.0.0/26', '/26', '::/56', and '0.0.0.0' or '::' for the pools' own size. Throws 'bad-subnet'.
 */
export function parseSubnetRequest(text: string): Prefix | SubnetRequest {
  if (text === '0.0.0.0') return { family: 4 };
  if (text === '::') return { family: 6 };
  const prefix = Prefix.parse(text.startsWith('/') ? `0.0.0.0${text}` : text);
  return prefix.base === 0n ? { family: prefix.family, length: prefix.length } : prefix;
}

/**
 * A /48 for one site: fd and the global ID (RFC 4193, 3.2), five random bytes that the engine draws once and keeps.
 * Throws 'bad-subnet' for another number of bytes.
 */
export function ulaPrefix(globalId: Uint8Array): Prefix {
  if (globalId.length !== 5)
    throw new PontoonError('bad-subnet', `a ULA global ID has 5 bytes, not ${globalId.length}`);
  const bytes = new Uint8Array(16);
  bytes.set([0xfd, ...globalId]);
  return new Prefix(Address.fromBytes(bytes), 48);
}

function parsePool({ base, size }: DefaultPool): Pool {
  const prefix = Prefix.parse(base);
  const smallest = ADDRESS_BITS[prefix.family] - 1;
  if (Number.isInteger(size) && size >= prefix.length && size <= smallest) return { base: prefix, size };
  const message = `address pool ${base} has no subnets of /${size}: give a size from ${prefix.length} to ${smallest}`;
  throw new PontoonError('bad-subnet', message, { subject: base });
}
