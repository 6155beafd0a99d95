/**
 * @module IPAM: addresses and prefixes, the choice of subnets, and the leases of each subnet. Pure: it reads no clock,
 * no file and no kernel; what it must know of the host is given to it, and the caller stores what it decides.
 */
export { ADDRESS_BITS, Address, type Family } from './address.ts';
export { AddressPool, type AddressPoolOptions, type Holder } from './address-pool.ts';
export {
  AddressSpace,
  type AddressSpaceOptions,
  DEFAULT_NETWORK_SUBNET,
  DEFAULT_POOLS,
  type DefaultPool,
  parseSubnetRequest,
  type SubnetRequest,
  ulaPrefix,
} from './address-space.ts';
export { macFromAddress, parseMac } from './mac.ts';
export { type AddressRange, Prefix } from './prefix.ts';
export type { TakenPrefix } from './prefix-tree.ts';
