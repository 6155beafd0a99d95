/**
 * @module `pontoon attach`, `detach`, `publish` and `unpublish`: sandboxes on networks, and their ports on the host.
 */

import { type Command, Option } from 'commander';
import { PontoonError } from '../../errors.ts';
import type {
  Endpoint,
  EndpointSpec,
  NamespaceSpec,
  PortBinding,
  PortBindingSpec,
  Sandbox,
} from '../../network/types.ts';
import type { ApiClient } from '../api/client.ts';
import { type HostSide, parseHostSide, parsePortSpec } from '../port-spec.ts';
import { attemptEach, printLine, withNetworkApi } from '../session.ts';
import { integer, reading, repeated, several, withoutUndefined } from '../values.ts';
import { formatBinding, formatEndpoint } from './format.ts';
import { addNamespaceOptions, type NamespaceFlags, nameFor, namespaceSpec, sandboxAt } from './namespaces.ts';

/** Marks a sandbox that `attach` made, and that therefore goes with its last network. */
const MADE_BY_ATTACH = 'pontoon.made-by-attach';

const UNSERVED = `
Without a daemon nothing stays behind this command: no names are served at 127.0.0.11, and no socket holds published
ports on the host; the kernel alone carries the traffic.`;

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

export function defineAttach(command: Command): void {
  addNamespaceOptions(
    command
      .argument('<network>', 'name or ID')
      .argument('[sandbox]', 'name or ID of a sandbox; or name its namespace, with --netns, --pid or --new'),
  )
    .option('--new', 'a new namespace, which Pontoon makes, keeps and deletes')
    .option('--name <name>', "name of the sandbox that is made (default: from the namespace's path or process)")
    .option('--ip <address>', 'static IPv4 address')
    .option('--ip6 <address>', 'static IPv6 address')
    .option('--mac-address <mac>', 'MAC address (default: 02:42 and the IPv4 address)')
    .addOption(several('--alias <name>', 'a name more on this network'))
    .option('--interface <name>', 'name of the interface in the sandbox (default: eth0, eth1, …)')
    .option('--gw-priority <number>', 'the endpoint with the highest gives the default gateway (default: 0)', integer)
    .addOption(
      new Option('-p, --publish <port>', 'publish a port: [[IP:][HOST_PORT]:]PORT[/PROTOCOL]').argParser(
        repeated(reading(parsePortSpec)),
      ),
    )
    .addHelpText('after', UNSERVED)
    .action((network: string, sandbox: string | undefined, flags: AttachFlags) => {
      const target = attachTarget(sandbox, flags);
      return withNetworkApi(command, async (api) => {
        printLine(formatEndpoint(await attach(api, network, target, endpointSpec(flags))));
      });
    });
}

export function defineDetach(command: Command): void {
  command
    .argument('<network>', 'name or ID')
    .argument('<sandbox>', 'name or ID')
    .action((network: string, sandbox: string) =>
      withNetworkApi(command, async (api) => printLine(await detach(api, network, sandbox))),
    );
}

export function definePublish(command: Command): void {
  command
    .argument('<name>', 'of a container or sandbox, or its ID')
    .argument('<port...>', '[[IP:][HOST_PORT]:]PORT[/PROTOCOL]; ports may be ranges, such as 7000-7010')
    .option('--network <network>', 'on its endpoint there (default: the one with the default gateway)')
    .addHelpText('after', UNSERVED)
    .action((ref: string, texts: string[], { network }: { network?: string }) => {
      const ports = texts.map(parsePortSpec);
      return withNetworkApi(command, (api) =>
        attemptEach(ports, async (port) => {
          const json = { ...port, ...(network !== undefined && { network }) };
          printBindings(await api.post<PortBinding[]>(`/pontoon/sandboxes/${ref}/publish`, { json }));
        }),
      );
    });
}

export function defineUnpublish(command: Command): void {
  command
    .argument('<name>', 'of a container or sandbox, or its ID')
    .argument('<port...>', 'the side of the host: [IP:]HOST_PORT[/PROTOCOL]; one of a range stands for the whole range')
    .action((ref: string, texts: string[]) => {
      const ports: HostSide[] = texts.map(parseHostSide);
      return withNetworkApi(command, (api) =>
        attemptEach(ports, async (json) => {
          printBindings(await api.post<PortBinding[]>(`/pontoon/sandboxes/${ref}/unpublish`, { json }));
        }),
      );
    });
}

function printBindings(bindings: readonly PortBinding[]): void {
  printLine(bindings.map(formatBinding).join('\n'));
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
    throw new PontoonError(
      'bad-value',
      'nothing to attach: name a sandbox, or give --netns, --pid or --new (the streams of a container: pontoon container attach NAME)',
    );
  }
  if (namespace === undefined && flags.name === undefined) return sandbox;
  throw new PontoonError(
    'bad-value',
    `attach either the sandbox ${sandbox} or a namespace: leave one out (--name names the sandbox of a namespace)`,
    { subject: sandbox },
  );
}

async function attach(api: ApiClient, network: string, target: Target, spec: EndpointSpec): Promise<Endpoint> {
  const attachKnown = (ref: string) =>
    api.post<Endpoint>(`/pontoon/sandboxes/${ref}/attach`, { json: { ...spec, network } });
  if (typeof target === 'string') return attachKnown(target);
  const { namespace, name, newName } = target;
  const known = sandboxAt(namespace, await api.get<Sandbox[]>('/pontoon/sandboxes'));
  if (known === undefined) {
    const made = await api.post<Sandbox>('/pontoon/sandboxes', {
      json: {
        name: newName,
        namespace,
        resolver: false,
        labels: { [MADE_BY_ATTACH]: 'true' },
        endpoints: [{ ...spec, network }],
      },
    });
    return made.endpoints[0]!;
  }
  if (name === undefined || name === known.name) return attachKnown(known.id);
  throw new PontoonError(
    'mode-conflict',
    `that namespace is the sandbox ${known.name} already: attach it by that name, or leave --name out`,
    { subject: known.name },
  );
}

/** What came of it. */
async function detach(api: ApiClient, networkRef: string, sandboxRef: string): Promise<string> {
  const { Id, Name } = await api.get<{ Id: string; Name: string }>(`/networks/${networkRef}`);
  const sandbox = await api.get<Sandbox>(`/pontoon/sandboxes/${sandboxRef}`);
  const isLast = sandbox.endpoints.length === 1 && sandbox.endpoints[0]?.networkId === Id;
  if (isLast && MADE_BY_ATTACH in sandbox.labels) {
    await api.delete(`/pontoon/sandboxes/${sandbox.id}`);
    return `${sandbox.name} left ${Name}, its last network: the sandbox is removed`;
  }
  await api.post(`/pontoon/sandboxes/${sandbox.id}/detach`, { json: { network: Id } });
  return `${sandbox.name} left ${Name}`;
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
