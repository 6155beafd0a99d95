/**
 * @module The subnets of a network to be, as the API takes them: each gateway, range and auxiliary address belongs to the
 * subnet that it lies in.
 */

import { PontoonError } from '../../errors.ts';
import { Address, Prefix } from '../../ipam/index.ts';
import { mapOf } from '../values.ts';
import type { NetworkFlags } from './create.ts';

interface IpamConfig {
  readonly Subnet: string;
  Gateway?: string;
  IPRange?: string;
  AuxiliaryAddresses?: Record<string, string>;
}

/** @throws PontoonError bad-value, bad-subnet, bad-address */
export function ipamConfig({ subnet = [], gateway = [], ipRange = [], auxAddress = [] }: NetworkFlags): IpamConfig[] {
  const configs = subnet.map((text) => ({ prefix: Prefix.parse(text), config: { Subnet: text } as IpamConfig }));
  /** The subnet that something lies in. */
  const home = (what: string, inside: Address | Prefix): IpamConfig => {
    const found = configs.find(({ prefix }) => prefix.contains(inside));
    if (found !== undefined) return found.config;
    throw refuse(`no --subnet contains the ${what} ${inside}: give the one that does`, inside.toString());
  };
  for (const text of gateway) {
    const config = home('gateway', Address.parse(text));
    if (config.Gateway !== undefined) throw refuse(`subnet ${config.Subnet} has two gateways: give one`, text);
    config.Gateway = text;
  }
  for (const text of ipRange) {
    const config = home('range', Prefix.parse(text));
    if (config.IPRange !== undefined) throw refuse(`subnet ${config.Subnet} has two of --ip-range: give one`, text);
    config.IPRange = text;
  }
  for (const [name, text] of Object.entries(mapOf(auxAddress))) {
    const config = home('auxiliary address', Address.parse(text));
    config.AuxiliaryAddresses = { ...config.AuxiliaryAddresses, [name]: text };
  }
  return configs.map(({ config }) => config);
}

function refuse(message: string, subject: string): PontoonError {
  return new PontoonError('bad-value', message, { subject });
}
