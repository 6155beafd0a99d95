/**
 * @module `pontoon network`: create, ls, inspect, rm, prune, with Docker's words and flags.
 */

import { type Command, Option } from 'commander';
import type { Network } from '../network/types.ts';
import { formatTable, shortId } from './format.ts';
import type { NetworkFlags } from './network-spec.ts';
import { forEachNamed, inspectEach, print, withEngine } from './session.ts';
import { integer, pair, repeated, text } from './values.ts';

export function addNetworkCommands(program: Command): void {
  const network = program
    .command('network')
    .description('make, show and remove networks')
    .addHelpText('after', '\nExample:\n  pontoon network create front\n  pontoon network ls');
  addCreate(network);

  network
    .command('ls')
    .alias('list')
    .description('list the networks')
    .option('-q, --quiet', 'print IDs only')
    .addHelpText('after', '\nExample:\n  pontoon network ls --format json')
    .action((flags: { quiet?: true }, command: Command) =>
      withEngine(command, (engine) => {
        const networks = engine.listNetworks();
        print(command, networks, () =>
          flags.quiet ? networks.map(({ id }) => shortId(id)).join('\n') : tableOf(networks),
        );
      }),
    );

  network
    .command('inspect')
    .description('show everything about networks and their endpoints, as JSON')
    .argument('<network...>', 'names or IDs')
    .addHelpText('after', '\nExample:\n  pontoon network inspect bridge')
    .action((refs: string[], _flags: unknown, command: Command) =>
      inspectEach(command, refs, (engine, ref) => engine.inspectNetwork(ref)),
    );

  network
    .command('rm')
    .alias('remove')
    .description('remove networks; one that still has endpoints stays')
    .argument('<network...>', 'names or IDs')
    .addHelpText('after', '\nExample:\n  pontoon network rm front back')
    .action((refs: string[], _flags: unknown, command: Command) =>
      forEachNamed(command, refs, (engine, ref) => engine.removeNetwork(ref)),
    );

  network
    .command('prune')
    .description('remove all networks without endpoints, except bridge, host and none; asks nothing')
    .addHelpText('after', '\nExample:\n  pontoon network prune')
    .action((_flags: unknown, command: Command) =>
      withEngine(command, async (engine) => {
        const removed = await engine.pruneNetworks();
        print(command, removed, () => removed.map(({ name }) => name).join('\n'));
      }),
    );
}

function addCreate(network: Command): void {
  network
    .command('create')
    .description('make a network, and print its ID')
    .argument('<name>')
    .option('-d, --driver <driver>', 'bridge or macvlan (default: bridge); the networks host and none are always there')
    .addOption(several('--subnet <cidr>', 'a subnet, such as 10.1.0.0/24 or fd00:1::/64 (default: a free one)'))
    .addOption(several('--gateway <address>', 'the gateway of the subnet that it lies in (default: the first address)'))
    .addOption(several('--ip-range <cidr>', 'the part of its subnet that addresses are handed out from'))
    .addOption(pairs('--aux-address <name=address>', 'an address of other gear, never handed out'))
    .option('--internal', 'no way out and no way in')
    .option('--ipv6', 'with IPv6: a unique local subnet is picked when none is given')
    .option('--no-ipv4', 'without IPv4')
    .addOption(pairs('--label <key=value>', 'a label'))
    .option('--mtu <bytes>', "MTU of the interfaces (default: that of the host's default route)", integer)
    .option('--bridge-name <name>', 'name of the bridge on the host (default: br- and the ID)')
    .option('--no-icc', 'its endpoints may not talk to each other')
    .option('--no-masquerade', 'what leaves keeps the address of its sandbox')
    .option('--parent <interface>', "macvlan: the host's interface below")
    .addOption(pairs('-o, --opt <key=value>', "one of Docker's driver options, such as com.docker.network.driver.mtu"))
    .addHelpText(
      'after',
      '\nExample:\n  pontoon network create --subnet 10.1.0.0/24 --subnet fd00:1::/64 --internal back',
    )
    .action(async (name: string, flags: NetworkFlags, command: Command) => {
      const { networkSpec } = await import('./network-spec.ts');
      const spec = networkSpec(name, flags);
      await withEngine(command, async (engine) => {
        const made = await engine.createNetwork(spec);
        print(command, made, () => made.id);
      });
    });
}

function tableOf(networks: readonly Network[]): string {
  return formatTable(
    ['NETWORK ID', 'NAME', 'DRIVER', 'BRIDGE', 'SUBNETS'],
    networks.map(({ id, name, driver, bridgeName, subnets }) => [
      shortId(id),
      name,
      driver,
      bridgeName ?? '',
      subnets.map(({ subnet }) => subnet).join(', '),
    ]),
  );
}

/** An option that may be given several times. */
function several(flags: string, description: string): Option {
  return new Option(flags, description).argParser(repeated(text));
}

function pairs(flags: string, description: string): Option {
  return new Option(flags, description).argParser(repeated(pair));
}
