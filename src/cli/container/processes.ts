/**
 * @module `pontoon port`, `top` and `diff`: what a container has open, runs and changed.
 */

import type { Command } from 'commander';
import { PontoonError } from '../../errors.ts';
import { compareNames } from '../output/order.ts';
import { alignColumns } from '../output/table.ts';
import { printLine, withApi } from '../session.ts';

type Ports = Readonly<Record<string, readonly { readonly HostIp: string; readonly HostPort: string }[] | null>>;

export function definePort(command: Command): void {
  command
    .argument('<container>', 'name or ID')
    .argument('[port]', 'only this port of the container: PORT[/PROTOCOL]')
    .action((container: string, port: string | undefined) =>
      withApi(command, async (api) => {
        const { NetworkSettings } = await api.get<{ NetworkSettings: { Ports: Ports | null } }>(
          `/containers/${container}/json`,
        );
        const published = NetworkSettings.Ports ?? {};
        if (port === undefined) printLine(linesOf(published).join('\n'));
        else printLine(bindingsOf(published, port, container).join('\n'));
      }),
    );
}

/** @throws PontoonError binding-not-found */
function bindingsOf(ports: Ports, port: string, container: string): string[] {
  const key = port.includes('/') ? port : `${port}/tcp`;
  const bindings = ports[key];
  if (bindings) return bindings.map(hostSide);
  throw new PontoonError('binding-not-found', `No public port '${port}' published for ${container}`, { subject: port });
}

function linesOf(ports: Ports): string[] {
  const lines = Object.entries(ports).flatMap(([key, bindings]) =>
    (bindings ?? []).map((binding) => `${key} -> ${hostSide(binding)}`),
  );
  return lines.toSorted(compareNames);
}

function hostSide({ HostIp, HostPort }: { HostIp: string; HostPort: string }): string {
  return `${HostIp.includes(':') ? `[${HostIp}]` : HostIp}:${HostPort}`;
}

export function defineTop(command: Command): void {
  command
    .argument('<container>', 'name or ID')
    .argument('[options...]', 'of ps')
    .action((container: string, options: string[]) =>
      withApi(command, async (api) => {
        const { Titles, Processes } = await api.get<{ Titles: string[]; Processes: string[][] }>(
          `/containers/${container}/top`,
          { ps_args: options.join(' ') },
        );
        printLine(
          alignColumns(
            [Titles, ...Processes].map((cells) => cells.join('\t')),
            20,
          ).join('\n'),
        );
      }),
    );
}

/** Kinds by the API's numbers. */
const KINDS = ['C', 'A', 'D'];

export function defineDiff(command: Command): void {
  command.argument('<container>', 'name or ID').action((container: string) =>
    withApi(command, async (api) => {
      const changes = await api.get<{ Kind: number; Path: string }[] | null>(`/containers/${container}/changes`);
      printLine((changes ?? []).map(({ Kind, Path }) => `${KINDS[Kind]} ${Path}`).join('\n'));
    }),
  );
}
