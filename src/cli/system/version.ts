/**
 * @module `pontoon version`.
 */

import type { Command } from 'commander';
import { Unreachable } from '../api/transport.ts';
import { formatValue } from '../output/value.ts';
import { readVersion } from '../program.ts';
import { fail, printLine, withApi } from '../session.ts';

interface ServerVersion {
  readonly Version: string;
  readonly ApiVersion: string;
  readonly MinAPIVersion: string;
  readonly Os: string;
  readonly Arch: string;
  readonly KernelVersion: string;
  readonly Platform?: { readonly Name: string };
  readonly Components?: readonly { readonly Name: string; readonly Version: string }[];
}

/** The version of the API that this command speaks. */
const API_VERSION = '1.50';

export function defineVersion(command: Command): void {
  command.option('-f, --format <format>', "'json' or a Go template").action(async ({ format }: { format?: string }) => {
    const client = {
      Version: readVersion(),
      ApiVersion: API_VERSION,
      Os: 'linux',
      Arch: goArchitecture(),
      NodeVersion: process.version,
    };
    let server: ServerVersion | null = null;
    try {
      await withApi(command, async (api) => {
        server = await api.get<ServerVersion>('/version');
      });
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      fail(error); // after what is known
    }
    const value = { Client: client, Server: server };
    if (format === undefined) printLine(textOf(value));
    else printLine(formatValue(value, format));
  });
}

function textOf({ Client, Server }: { Client: Record<string, string>; Server: ServerVersion | null }): string {
  const client = [
    'Client:',
    ` Version:           ${Client.Version}`,
    ` API version:       ${Client.ApiVersion}`,
    ` Node.js version:   ${Client.NodeVersion}`,
    ` OS/Arch:           ${Client.Os}/${Client.Arch}`,
  ];
  if (Server === null) return client.join('\n');
  return [
    ...client,
    '',
    `Server: ${Server.Platform?.Name ?? ''}`.trimEnd(),
    ' Engine:',
    `  Version:          ${Server.Version}`,
    `  API version:      ${Server.ApiVersion} (minimum version ${Server.MinAPIVersion})`,
    `  OS/Arch:          ${Server.Os}/${Server.Arch}`,
    `  Kernel version:   ${Server.KernelVersion}`,
    ...(Server.Components ?? [])
      .filter(({ Name }) => Name !== 'Engine')
      .flatMap(({ Name, Version }) => [` ${Name}:`, `  Version:          ${Version}`]),
  ].join('\n');
}

function goArchitecture(): string {
  return { x64: 'amd64', ia32: '386' }[process.arch as string] ?? process.arch;
}
