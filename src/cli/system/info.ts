/**
 * @module `pontoon info`: what the daemon has and can do.
 */

import type { Command } from 'commander';
import { INFO } from '../output/go-types.ts';
import { bytesSize } from '../output/units.ts';
import { formatValue } from '../output/value.ts';
import { printLine, withApi } from '../session.ts';

/** Of GET /info, what is shown. */
interface Info {
  readonly Containers: number;
  readonly ContainersRunning: number;
  readonly ContainersPaused: number;
  readonly ContainersStopped: number;
  readonly Images: number;
  readonly ServerVersion: string;
  readonly Driver: string;
  readonly LoggingDriver: string;
  readonly CgroupDriver: string;
  readonly CgroupVersion: string;
  readonly Plugins: Readonly<Record<string, readonly string[] | null>>;
  readonly Runtimes: Readonly<Record<string, unknown>> | null;
  readonly DefaultRuntime: string;
  readonly InitBinary: string;
  readonly KernelVersion: string;
  readonly OperatingSystem: string;
  readonly OSType: string;
  readonly Architecture: string;
  readonly NCPU: number;
  readonly MemTotal: number;
  readonly Name: string;
  readonly ID: string;
  readonly DockerRootDir: string;
  readonly Debug: boolean;
  readonly Labels: readonly string[] | null;
  readonly LiveRestoreEnabled: boolean;
  readonly SecurityOptions: readonly string[] | null;
  readonly Warnings: readonly string[] | null;
}

export function defineInfo(command: Command): void {
  command.option('-f, --format <format>', "'json' or a Go template").action(({ format }: { format?: string }) =>
    withApi(command, async (api) => {
      const info = await api.get<Info>('/info');
      printLine(format === undefined ? textOf(info) : formatValue(info, format, INFO));
      if (format === undefined) for (const warning of info.Warnings ?? []) process.stderr.write(`${warning}\n`);
    }),
  );
}

function textOf(info: Info): string {
  const lines: [indent: number, name: string, value: string | number | boolean][] = [
    [1, 'Containers', info.Containers],
    [2, 'Running', info.ContainersRunning],
    [2, 'Paused', info.ContainersPaused],
    [2, 'Stopped', info.ContainersStopped],
    [1, 'Images', info.Images],
    [1, 'Server Version', info.ServerVersion],
    [1, 'Storage Driver', info.Driver],
    [1, 'Logging Driver', info.LoggingDriver],
    [1, 'Cgroup Driver', info.CgroupDriver],
    [1, 'Cgroup Version', info.CgroupVersion],
    [1, 'Plugins', ''],
    ...Object.entries(info.Plugins).flatMap(([kind, names]): [number, string, string][] =>
      names === null || names.length === 0 ? [] : [[2, kind, names.join(' ')]],
    ),
    [1, 'Runtimes', Object.keys(info.Runtimes ?? {}).join(' ')],
    [1, 'Default Runtime', info.DefaultRuntime],
    [1, 'Init Binary', info.InitBinary],
    [1, 'Security Options', (info.SecurityOptions ?? []).join(' ')],
    [1, 'Kernel Version', info.KernelVersion],
    [1, 'Operating System', info.OperatingSystem],
    [1, 'OSType', info.OSType],
    [1, 'Architecture', info.Architecture],
    [1, 'CPUs', info.NCPU],
    [1, 'Total Memory', bytesSize(info.MemTotal)],
    [1, 'Name', info.Name],
    [1, 'ID', info.ID],
    [1, 'Root Dir', info.DockerRootDir],
    [1, 'Debug Mode', info.Debug],
    ...(info.Labels ?? []).map((label): [number, string, string] => [1, 'Label', label]),
    [1, 'Live Restore Enabled', info.LiveRestoreEnabled],
  ];
  const shown = lines.map(([indent, name, value]) => `${' '.repeat(indent)}${name}: ${value}`.trimEnd());
  return ['Server:', ...shown].join('\n');
}
