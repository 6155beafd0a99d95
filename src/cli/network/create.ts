/**
 * @module `pontoon network create`: Docker's flags as the body of POST /networks/create. Each gateway, range and
 * auxiliary address belongs to the subnet that it lies in.
 */

import type { Command } from 'commander';
import { PontoonError } from '../../errors.ts';
import { Address, Prefix } from '../../ipam/index.ts';
import { printLine, withNetworkApi } from '../session.ts';
import { mapOf, several, withoutUndefined } from '../values.ts';

export interface NetworkFlags {
  readonly attachable?: true;
  readonly auxAddress?: readonly string[];
  readonly configFrom?: string;
  readonly configOnly?: true;
  readonly driver: string;
  readonly gateway?: readonly string[];
  readonly ingress?: true;
  readonly internal?: true;
  readonly ipRange?: readonly string[];
  readonly ipamDriver: string;
  readonly ipamOpt?: readonly string[];
  readonly ipv4?: boolean;
  readonly ipv6?: boolean;
  readonly label?: readonly string[];
  readonly opt?: readonly string[];
  readonly scope?: string;
  readonly subnet?: readonly string[];
}

interface IpamConfig {
  readonly Subnet: string;
  Gateway?: string;
  IPRange?: string;
  AuxiliaryAddresses?: Record<string, string>;
}

export function defineCreate(command: Command): void {
  command
    .argument('<name>')
    .option('--attachable', 'accepted: every network is')
    .addOption(several('--aux-address <name=address>', 'an address of other gear, never handed out'))
    .option('--config-from <network>', 'take the settings of another network')
    .option('--config-only', 'only settings, for --config-from')
    .option('-d, --driver <driver>', 'bridge or macvlan; the networks host and none are always there', 'bridge')
    .addOption(several('--gateway <address>', 'the gateway of the subnet that it lies in (default: the first address)'))
    .option('--ingress', 'swarm only')
    .option('--internal', 'no way out and no way in')
    .addOption(several('--ip-range <cidr>', 'the part of its subnet that addresses are handed out from'))
    .option('--ipam-driver <driver>', 'who hands out addresses', 'default')
    .addOption(several('--ipam-opt <key=value>', 'an option of the IPAM driver'))
    .option('--ipv4', 'with IPv4 (default)')
    .option('--no-ipv4', 'without IPv4')
    .option('--ipv6', 'with IPv6: a unique local subnet is picked when none is given')
    .option('--no-ipv6', 'without IPv6 (default)')
    .addOption(several('--label <key=value>', 'a label'))
    .addOption(several('-o, --opt <key=value>', 'a driver option, such as com.docker.network.driver.mtu=1400'))
    .option('--scope <scope>', 'local')
    .addOption(several('--subnet <cidr>', 'a subnet, such as 10.1.0.0/24 or fd00:1::/64 (default: a free one)'))
    .action((name: string, flags: NetworkFlags) => {
      const json = networkBody(name, flags);
      return withNetworkApi(command, async (api) => {
        const { Id, Warning } = await api.post<{ Id: string; Warning?: string }>('/networks/create', { json });
        if (Warning) process.stderr.write(`WARNING: ${Warning}\n`);
        printLine(Id);
      });
    });
}

/** @throws PontoonError bad-value, bad-subnet, bad-address */
export function networkBody(name: string, flags: NetworkFlags): Record<string, unknown> {
  return {
    Name: name,
    Driver: flags.driver,
    Internal: flags.internal ?? false,
    Attachable: flags.attachable ?? false,
    Ingress: flags.ingress ?? false,
    ConfigOnly: flags.configOnly ?? false,
    Options: mapOf(flags.opt ?? []),
    Labels: mapOf(flags.label ?? []),
    IPAM: {
      Driver: flags.ipamDriver,
      Config: ipamConfig(flags),
      Options: mapOf(flags.ipamOpt ?? []),
    },
    ...withoutUndefined({
      Scope: flags.scope,
      EnableIPv4: flags.ipv4,
      EnableIPv6: flags.ipv6,
      ConfigFrom: flags.configFrom === undefined ? undefined : { Network: flags.configFrom },
    }),
  };
}

function ipamConfig({ subnet = [], gateway = [], ipRange = [], auxAddress = [] }: NetworkFlags): IpamConfig[] {
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
