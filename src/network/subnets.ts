/**
 * @module The subnets of a network: from what was asked for to what it has.
 */

import { PontoonError } from '../errors.ts';
import {
  Address,
  AddressPool,
  type AddressSpace,
  type Family,
  Prefix,
  parseSubnetRequest,
  type SubnetRequest,
} from '../ipam/index.ts';
import type { NetworkSpec, Subnet, SubnetSpec } from './types.ts';

/**
 * Claims the subnets that a spec asks for, or one of each family that it wants.
 * @param holder completes "…, which " in the message about an overlap
 * @throws PontoonError bad-subnet, bad-address, subnet-overlap, pools-full, bad-value; nothing stays claimed
 */
export function claimSubnets(spec: NetworkSpec, space: AddressSpace, holder: string, prefer?: Prefix): Subnet[] {
  const claimed: Prefix[] = [];
  try {
    return wantedSubnets(spec, prefer).map(({ request, subnet }) => {
      const prefix = space.claim(request, holder);
      claimed.push(prefix);
      return describe(prefix, subnet);
    });
  } catch (error) {
    for (const prefix of claimed) space.release({ prefix, holder });
    throw error;
  }
}

/** The one of a network's subnets that an address is in. */
export function subnetOf(network: { readonly subnets: readonly Subnet[] }, address: string): Subnet | undefined {
  const family = address.includes(':') ? 6 : 4;
  const candidates = network.subnets.filter((subnet) => subnet.family === family);
  if (candidates.length <= 1) return candidates[0];
  const parsed = Address.parse(address);
  return candidates.find(({ subnet }) => Prefix.parse(subnet).contains(parsed));
}

/** An address of a network with its prefix length, such as '172.17.0.2/16'. */
export function withPrefixLength(network: { readonly subnets: readonly Subnet[] }, address: string): string {
  const { subnet } = subnetOf(network, address)!;
  return `${address}${subnet.slice(subnet.indexOf('/'))}`;
}

interface Wanted {
  readonly request: Prefix | SubnetRequest;
  readonly subnet: SubnetSpec | undefined;
}

function wantedSubnets(spec: NetworkSpec, prefer: Prefix | undefined): Wanted[] {
  const given = (spec.subnets ?? []).map((subnet): Wanted => ({ request: parseSubnetRequest(subnet.subnet), subnet }));
  const has = (family: Family): boolean => given.some(({ request }) => request.family === family);
  if (spec.ipv4 === false && has(4)) throw contradiction(4);
  if (spec.ipv6 === false && has(6)) throw contradiction(6);
  if (spec.ipv4 === false && spec.ipv6 === false) {
    throw new PontoonError('bad-value', 'a network without IPv4 and IPv6 has no addresses: leave one of them on');
  }
  const chosen: Wanted[] = [];
  if (spec.ipv4 !== false && !has(4)) chosen.push({ request: { family: 4, prefer }, subnet: undefined });
  const wantsIpv6 = spec.ipv6 ?? spec.ipv4 === false;
  if (wantsIpv6 && !has(6)) chosen.push({ request: { family: 6 }, subnet: undefined });
  return [...chosen, ...given].toSorted((a, b) => a.request.family - b.request.family);
}

/** Checks gateway, ip-range and auxiliary addresses by making the pool that they describe. */
function describe(prefix: Prefix, spec: SubnetSpec | undefined): Subnet {
  const auxiliary = Object.entries(spec?.auxAddresses ?? {}).map(
    ([name, text]) => [name, Address.parse(text)] as const,
  );
  const pool = new AddressPool({
    subnet: prefix,
    ...(spec?.ipRange === undefined ? {} : { ipRange: Prefix.parse(spec.ipRange) }),
    ...(spec?.gateway === undefined ? {} : { gateway: Address.parse(spec.gateway) }),
    auxiliary: Object.fromEntries(auxiliary),
  });
  return {
    family: prefix.family,
    subnet: prefix.toString(),
    gateway: pool.gateway?.toString(),
    ipRange: spec?.ipRange === undefined ? undefined : pool.ipRange.toString(),
    auxAddresses: Object.fromEntries(auxiliary.map(([name, address]) => [name, address.toString()])),
  };
}

function contradiction(family: Family): PontoonError {
  return new PontoonError(
    'bad-value',
    `the network has an IPv${family} subnet but IPv${family} is turned off: leave one of the two out`,
  );
}
