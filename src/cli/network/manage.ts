/**
 * @module `pontoon network ls`, `rm`, `connect` and `disconnect`.
 */

import { type Command, Option } from 'commander';
import { ApiError } from '../api/client.ts';
import { settingsOf } from '../container/endpoints.ts';
import { type Columns, printList, tableOf } from '../output/list.ts';
import { compareNames } from '../output/order.ts';
import { labelsOf } from '../output/text.ts';
import { forEachNamed, withNetworkApi } from '../session.ts';
import { filterOption, filtersOf, formatOption, integer, mapOf, several, slice } from '../values.ts';

/** Of GET /networks. */
interface NetworkSummary {
  readonly Id: string;
  readonly Name: string;
  readonly Created: string;
  readonly Driver: string;
  readonly Scope: string;
  readonly EnableIPv4?: boolean;
  readonly EnableIPv6: boolean;
  readonly Internal: boolean;
  readonly Labels: Readonly<Record<string, string>> | null;
}

interface ListFlags {
  readonly filter?: readonly string[];
  readonly format?: string;
  readonly quiet?: true;
  readonly trunc: boolean;
}

export function defineList(command: Command): void {
  command
    .addOption(filterOption())
    .addOption(formatOption())
    .option('--no-trunc', 'print everything in full')
    .option('-q, --quiet', 'print IDs only')
    .action(({ filter, format, quiet, trunc }: ListFlags) =>
      withNetworkApi(command, async (api) => {
        const networks = await api.get<NetworkSummary[]>('/networks', { filters: filtersOf(filter) });
        const inOrder = networks.toSorted((a, b) => compareNames(a.Name, b.Name));
        printList(inOrder, columnsOf(trunc), {
          format,
          table: tableOf(['ID', 'Name', 'Driver', 'Scope']),
          quiet: quiet && 'ID',
        });
      }),
    );
}

function columnsOf(trunc: boolean): Columns<NetworkSummary> {
  return {
    ID: ['NETWORK ID', ({ Id }) => (trunc ? Id.slice(0, 12) : Id)],
    Name: ['NAME', ({ Name }) => Name],
    Driver: ['DRIVER', ({ Driver }) => Driver],
    Scope: ['SCOPE', ({ Scope }) => Scope],
    IPv4: ['IPV4', ({ EnableIPv4 = false }) => String(EnableIPv4)],
    IPv6: ['IPV6', ({ EnableIPv6 }) => String(EnableIPv6)],
    Internal: ['INTERNAL', ({ Internal }) => String(Internal)],
    Labels: ['LABELS', ({ Labels }) => labelsOf(Labels)],
    Label: [
      '',
      ({ Labels }) =>
        (name: string) =>
          Labels?.[name] ?? '',
    ],
    CreatedAt: ['CREATED AT', ({ Created }) => `${goDate(Created)} +0000 UTC`],
  };
}

/** '2026-11-21T06:50:00.880Z' → '2026-11-21 06:50:00.88'. */
function goDate(rfc3339: string): string {
  const [, day, time, fraction = ''] = /^(\S+)T([\d:]+)(\.\d+)?Z$/.exec(rfc3339) ?? ['', rfc3339, ''];
  return `${day} ${time}${fraction.replace(/\.?0+$/, '')}`;
}

export function defineRemove(command: Command): void {
  command
    .argument('<network...>', 'names or IDs')
    .option('-f, --force', 'one that is not there is no error')
    .action((refs: string[], { force }: { force?: true }) =>
      forEachNamed(
        command,
        refs,
        (api, ref) =>
          api.delete(`/networks/${ref}`).catch((error: unknown) => {
            if (!force || !ApiError.is(error, 404)) throw error;
          }),
        withNetworkApi,
      ),
    );
}

interface ConnectFlags {
  readonly alias?: string[];
  readonly driverOpt?: readonly string[];
  readonly gwPriority?: number;
  readonly ip?: string;
  readonly ip6?: string;
  readonly link?: readonly string[];
  readonly linkLocalIp?: string[];
}

export function defineConnect(command: Command): void {
  command
    .argument('<network>', 'name or ID')
    .argument('<container>', 'name or ID')
    .addOption(slice('--alias <name>', 'a name more on this network'))
    .addOption(slice('--driver-opt <key=value>', 'a driver option, such as com.docker.network.endpoint.ifname=eth5'))
    .addOption(
      new Option('--gw-priority <number>', 'the endpoint with the highest gives the default gateway').argParser(
        integer,
      ),
    )
    .option('--ip <address>', 'IPv4 address')
    .option('--ip6 <address>', 'IPv6 address')
    .addOption(several('--link <container:alias>', 'know another container by a name'))
    .addOption(slice('--link-local-ip <address>', 'a link-local address'))
    .action((network: string, container: string, flags: ConnectFlags) => {
      const { alias, driverOpt, gwPriority, ip, ip6, link, linkLocalIp } = flags;
      const EndpointConfig = settingsOf({
        ...(alias && { aliases: alias }),
        ...(driverOpt && { driverOptions: mapOf(driverOpt) }),
        ...(gwPriority !== undefined && { gatewayPriority: gwPriority }),
        ...(ip !== undefined && { ip }),
        ...(ip6 !== undefined && { ip6 }),
        ...(link && { links: link }),
        ...(linkLocalIp && { linkLocalIps: linkLocalIp }),
      });
      return withNetworkApi(command, (api) =>
        api.post(`/networks/${network}/connect`, { json: { Container: container, EndpointConfig } }),
      );
    });
}

export function defineDisconnect(command: Command): void {
  command
    .argument('<network>', 'name or ID')
    .argument('<container>', 'name or ID')
    .option('-f, --force', 'even if the container does not know of it')
    .action((network: string, container: string, { force = false }: { force?: boolean }) =>
      withNetworkApi(command, (api) =>
        api.post(`/networks/${network}/disconnect`, { json: { Container: container, Force: force } }),
      ),
    );
}
