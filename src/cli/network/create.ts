/**
 * @module `pontoon network create`: Docker's flags as the body of POST /networks/create.
 */

import type { Command } from 'commander';
import { printLine, withNetworkApi } from '../session.ts';
import { mapOf, several, slice, withoutUndefined } from '../values.ts';

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

export function defineCreate(command: Command): void {
  command
    .argument('<name>')
    .option('--attachable', 'accepted: every network is')
    .addOption(several('--aux-address <name=address>', 'an address of other gear, never handed out'))
    .option('--config-from <network>', 'take the settings of another network')
    .option('--config-only', 'only settings, for --config-from')
    .option('-d, --driver <driver>', 'bridge or macvlan; the networks host and none are always there', 'bridge')
    .addOption(slice('--gateway <address>', 'the gateway of the subnet that it lies in (default: the first address)'))
    .option('--ingress', 'swarm only')
    .option('--internal', 'no way out and no way in')
    .addOption(slice('--ip-range <cidr>', 'the part of its subnet that addresses are handed out from'))
    .option('--ipam-driver <driver>', 'who hands out addresses', 'default')
    .addOption(several('--ipam-opt <key=value>', 'an option of the IPAM driver'))
    .option('--ipv4', 'with IPv4 (default)')
    .option('--no-ipv4', 'without IPv4')
    .option('--ipv6', 'with IPv6: a unique local subnet is picked when none is given')
    .option('--no-ipv6', 'without IPv6 (default)')
    .addOption(several('--label <key=value>', 'a label'))
    .addOption(several('-o, --opt <key=value>', 'a driver option, such as com.docker.network.driver.mtu=1400'))
    .option('--scope <scope>', 'local')
    .addOption(slice('--subnet <cidr>', 'a subnet, such as 10.1.0.0/24 or fd00:1::/64 (default: a free one)'))
    .action(async (name: string, flags: NetworkFlags) => {
      const json = await networkBody(name, flags);
      return withNetworkApi(command, async (api) => {
        const { Id, Warning } = await api.post<{ Id: string; Warning?: string }>('/networks/create', { json });
        if (Warning) process.stderr.write(`WARNING: ${Warning}\n`);
        printLine(Id);
      });
    });
}

/** @throws PontoonError bad-value, bad-subnet, bad-address */
export async function networkBody(name: string, flags: NetworkFlags): Promise<Record<string, unknown>> {
  // Most networks are made without a word on addresses: those need no arithmetic.
  const isPlain = [flags.subnet, flags.gateway, flags.ipRange, flags.auxAddress].every((list) => list === undefined);
  const ipamConfig = isPlain ? () => [] : (await import('./ipam-config.ts')).ipamConfig;
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
