/**
 * @module `pontoon attach`, `detach`, `publish` and `unpublish`: sandboxes on networks, and their ports on the host.
 */

import { type Command, Option } from 'commander';
import { PontoonError } from '../errors.ts';
import type { Engine } from '../network/engine.ts';
import type { Endpoint, EndpointSpec, NamespaceSpec, PortBindingSpec } from '../network/types.ts';
import { formatBinding, formatEndpoint } from './format.ts';
import { addNamespaceOptions, type NamespaceFlags, nameFor, namespaceSpec, sandboxAt } from './namespaces.ts';
import { type HostSide, parseHostSide, parsePortSpec } from './port-spec.ts';
import { attemptEach, print, withEngine } from './session.ts';
import { integer, repeated, text, withoutUndefined } from './values.ts';

/** Marks a sandbox that `attach` made, and that therefore goes with its last network. */
const MADE_BY_ATTACH = 'pontoon.made-by-attach';

const UNSERVED = `
Nothing stays behind this command: no names are served at 127.0.0.11, and no socket holds published ports on the host;
the kernel alone carries the traffic.`;

interface AttachFlags extends NamespaceFlags {
  readonly name?: string;
  readonly ip?: string;
  readonly ip6?: string;
  readonly macAddress?: string;
  readonly alias?: readonly string[];
  readonly interface?: string;
  readonly gwPriority?: number;
  readonly publish?: readonly PortBindingSpec[];
}

export function addEndpointCommands(program: Command): void {
  addAttach(program);

  program
    .command('detach')
    .description('take a sandbox off a network; one that `attach` made goes away with its last network')
    .argument('<network>', 'name or ID')
    .argument('<sandbox>', 'name or ID')
    .addHelpText('after', '\nExample:\n  pontoon detach front web')
    .action((network: string, sandbox: string, _flags: unknown, command: Command) =>
      withEngine(command, async (engine) => {
        const outcome = await detach(engine, network, sandbox);
        const also = outcome.sandboxRemoved ? ', its last network: the sandbox is removed' : '';
        print(command, outcome, () => `${outcome.sandbox} left ${outcome.network}${also}`);
      }),
    );

  program
    .command('publish')
    .description('publish ports of a sandbox on the host')
    .argument('<sandbox>', 'name or ID')
    .addArgument(
      program
        .createArgument('<port...>', '[[IP:][HOST_PORT]:]PORT[/PROTOCOL]; ports may be ranges, such as 7000-7010')
        .argParser(repeated(parsePortSpec)),
    )
    .option('--network <network>', 'on its endpoint there (default: the one with the default gateway)')
    .addHelpText('after', `${UNSERVED}\n\nExample:\n  pontoon publish web 8080:80 127.0.0.1:5353:53/udp`)
    .action((sandbox: string, ports: PortBindingSpec[], flags: { network?: string }, command: Command) =>
      withEngine(command, async (engine) => {
        const published = await attemptEach(command, ports, (port) => engine.publish(sandbox, port, flags));
        print(command, published.flat(), () => published.flat().map(formatBinding).join('\n'));
      }),
    );

  program
    .command('unpublish')
    .description('take published ports away, and print what was taken; any port of a range stands for the whole range')
    .argument('<sandbox>', 'name or ID')
    .addArgument(
      program
        .createArgument('<port...>', 'the side of the host: [IP:]HOST_PORT[/PROTOCOL]')
        .argParser(repeated(parseHostSide)),
    )
    .addHelpText('after', '\nExample:\n  pontoon unpublish web 8080 53/udp')
    .action((sandbox: string, ports: HostSide[], _flags: unknown, command: Command) =>
      withEngine(command, async (engine) => {
        const removed = await attemptEach(command, ports, (port) => engine.unpublish(sandbox, port));
        print(command, removed.flat(), () => removed.flat().map(formatBinding).join('\n'));
      }),
    );
}

function addAttach(program: Command): void {
  const command = program
    .command('attach')
    .description('attach a sandbox to a network, live; for a namespace that is no sandbox yet, one is made')
    .argument('<network>', 'name or ID')
    .argument('[sandbox]', 'name or ID of a sandbox; or name its namespace, with --netns, --pid or --new');
  addNamespaceOptions(command)
    .option('--new', 'a new namespace, which Pontoon makes, keeps and deletes')
    .option('--name <name>', "name of the sandbox that is made (default: from the namespace's path or process)")
    .option('--ip <address>', 'static IPv4 address')
    .option('--ip6 <address>', 'static IPv6 address')
    .option('--mac-address <mac>', 'MAC address (default: 02:42 and the IPv4 address)')
    .addOption(new Option('--alias <name>', 'one more name on this network').argParser(repeated(text)))
    .option('--interface <name>', 'name of the interface in the sandbox (default: eth0, eth1, …)')
    .option('--gw-priority <number>', 'the endpoint with the highest gives the default gateway (default: 0)', integer)
    .addOption(
      new Option('-p, --publish <port>', 'publish a port: [[IP:][HOST_PORT]:]PORT[/PROTOCOL]').argParser(
        repeated(parsePortSpec),
      ),
    )
    .addHelpText(
      'after',
      `${UNSERVED}\n\nExample:\n  pontoon attach front --netns /run/netns/web --ip 10.1.0.9 -p 8080:80`,
    )
    .action((network: string, sandbox: string | undefined, flags: AttachFlags, command: Command) => {
      const target = attachTarget(sandbox, flags);
      return withEngine(command, async (engine) => {
        const endpoint = await attach(engine, network, target, endpointSpec(flags));
        print(command, endpoint, () => formatEndpoint(endpoint));
      });
    });
}

/** A sandbox by reference, or a namespace: with the name that its sandbox must have, and the one for a new sandbox. */
type Target =
  | string
  | { readonly namespace: NamespaceSpec; readonly name: string | undefined; readonly newName: string };

/** @throws PontoonError bad-value */
function attachTarget(sandbox: string | undefined, flags: AttachFlags): Target {
  const namespace = namespaceSpec(flags);
  if (sandbox === undefined) {
    if (namespace !== undefined) return { namespace, name: flags.name, newName: flags.name ?? nameFor(flags) };
    throw new PontoonError('bad-value', 'nothing to attach: name a sandbox, or give --netns, --pid or --new');
  }
  if (namespace === undefined && flags.name === undefined) return sandbox;
  throw new PontoonError(
    'bad-value',
    `attach either the sandbox ${sandbox} or a namespace: leave one out (--name names the sandbox of a namespace)`,
    { subject: sandbox },
  );
}

async function attach(engine: Engine, network: string, target: Target, spec: EndpointSpec): Promise<Endpoint> {
  if (typeof target === 'string') return engine.attach(target, network, spec);
  const { namespace, name, newName } = target;
  const known = sandboxAt(namespace, engine.listSandboxes());
  if (known === undefined) {
    const made = await engine.createSandbox({
      name: newName,
      namespace,
      resolver: false,
      labels: { [MADE_BY_ATTACH]: 'true' },
      endpoints: [{ ...spec, network }],
    });
    return made.endpoints[0]!;
  }
  if (name === undefined || name === known.name) return engine.attach(known.id, network, spec);
  throw new PontoonError(
    'mode-conflict',
    `that namespace is the sandbox ${known.name} already: attach it by that name, or leave --name out`,
    { subject: known.name },
  );
}

async function detach(engine: Engine, networkRef: string, sandboxRef: string) {
  const network = engine.inspectNetwork(networkRef);
  const sandbox = engine.inspectSandbox(sandboxRef);
  const isLast = sandbox.endpoints.length === 1 && sandbox.endpoints[0]?.networkId === network.id;
  const sandboxRemoved = isLast && MADE_BY_ATTACH in sandbox.labels;
  await (sandboxRemoved ? engine.removeSandbox(sandbox.id) : engine.detach(sandbox.id, network.id));
  return { sandbox: sandbox.name, network: network.name, sandboxRemoved };
}

function endpointSpec(flags: AttachFlags): EndpointSpec {
  return withoutUndefined({
    ipv4: flags.ip,
    ipv6: flags.ip6,
    mac: flags.macAddress,
    aliases: flags.alias,
    interfaceName: flags.interface,
    gatewayPriority: flags.gwPriority,
    ports: flags.publish,
  });
}
