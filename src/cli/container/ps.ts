/**
 * @module `pontoon ps`, and `container ls`: containers in a table. @see docker/cli, command/formatter/container.go
 */

import type { Command } from 'commander';
import { type Columns, printList, tableOf } from '../output/list.ts';
import { ellipsis, labelsOf } from '../output/text.ts';
import { ago, goTime, humanSize } from '../output/units.ts';
import { withApi } from '../session.ts';
import { filterOption, filtersOf, formatOption, integer } from '../values.ts';
import { displayPorts, type PortSummary } from './ports.ts';

/** Of GET /containers/json. */
export interface ContainerSummary {
  readonly Id: string;
  readonly Names: readonly string[];
  readonly Image: string;
  readonly Command: string;
  readonly Created: number;
  readonly Ports: readonly PortSummary[];
  readonly SizeRw?: number;
  readonly SizeRootFs?: number;
  readonly Labels: Readonly<Record<string, string>>;
  readonly State: string;
  readonly Status: string;
  readonly NetworkSettings?: { readonly Networks: Readonly<Record<string, unknown>> };
  readonly ImageManifestDescriptor?: { readonly platform?: unknown };
  readonly Mounts?: readonly {
    readonly Type: string;
    readonly Name?: string;
    readonly Source: string;
    readonly Driver?: string;
  }[];
}

interface PsFlags {
  readonly all?: true;
  readonly filter?: readonly string[];
  readonly format?: string;
  readonly last?: number;
  readonly latest?: true;
  readonly quiet?: true;
  readonly size?: true;
  readonly trunc: boolean;
}

const TABLE = ['ID', 'Image', 'Command', 'RunningFor', 'Status', 'Ports', 'Names'];

export function definePs(command: Command): void {
  command
    .option('-a, --all', 'those that do not run too')
    .addOption(filterOption())
    .addOption(formatOption())
    .option('-n, --last <number>', 'the last so many that were made', integer)
    .option('-l, --latest', 'the last that was made')
    .option('--no-trunc', 'print everything in full')
    .option('-q, --quiet', 'print IDs only')
    .option('-s, --size', 'with their sizes')
    .action((flags: PsFlags) =>
      withApi(command, async (api) => {
        const { all, filter, format, last, latest, quiet, size, trunc } = flags;
        const limit = latest ? 1 : last;
        const needsSize = size ?? (format !== undefined && /\.Size\b|\{\{\s*json\s+\.\s*\}\}/.test(format));
        const containers = await api.get<ContainerSummary[]>('/containers/json', {
          all: all === true || (limit !== undefined && limit > 0),
          size: needsSize && !quiet,
          limit: limit !== undefined && limit > 0 ? limit : undefined,
          filters: filtersOf(filter),
        });
        printList(containers, containerColumns(trunc), {
          format,
          table: tableOf(size ? [...TABLE, 'Size'] : TABLE),
          quiet: quiet && 'ID',
        });
      }),
    );
}

/** What a template may ask of a container. */
export function containerColumns(trunc: boolean): Columns<ContainerSummary> {
  return {
    ID: ['CONTAINER ID', ({ Id }) => (trunc ? Id.slice(0, 12) : Id)],
    Names: ['NAMES', ({ Names }) => namesOf(Names, trunc).join(',')],
    Image: [
      'IMAGE',
      ({ Image }) =>
        Image === ''
          ? '<no image>'
          : trunc
            ? Image.replace(/^sha256:([0-9a-f]{12}).*/, '$1').replace(/@sha256:[0-9a-f]+$/, '')
            : Image,
    ],
    Command: ['COMMAND', ({ Command }) => JSON.stringify(trunc ? ellipsis(Command, 20) : Command)],
    CreatedAt: ['CREATED AT', ({ Created }) => goTime(Created)],
    RunningFor: ['CREATED', ({ Created }) => ago(Created)],
    Ports: ['PORTS', ({ Ports }) => displayPorts(Ports)],
    State: ['STATE', ({ State }) => State],
    Status: ['STATUS', ({ Status }) => Status],
    Size: ['SIZE', sizeOf],
    Labels: ['LABELS', ({ Labels }) => labelsOf(Labels)],
    Label: [
      '',
      ({ Labels }) =>
        (name: string) =>
          Labels[name] ?? '',
    ],
    Mounts: [
      'MOUNTS',
      ({ Mounts = [] }) =>
        Mounts.map(({ Name, Source }) => (trunc ? ellipsis(Name || Source, 15) : Name || Source)).join(','),
    ],
    LocalVolumes: [
      'LOCAL VOLUMES',
      ({ Mounts = [] }) => String(Mounts.filter(({ Driver }) => Driver === 'local').length),
    ],
    Platform: ['PLATFORM', ({ ImageManifestDescriptor }) => ImageManifestDescriptor?.platform ?? null],
    Networks: [
      'NETWORKS',
      ({ NetworkSettings }) =>
        Object.keys(NetworkSettings?.Networks ?? {})
          .toSorted()
          .join(','),
    ],
  };
}

/** Without the slash; a name with a link's alias in it is shown in full listings only. */
function namesOf(names: readonly string[], trunc: boolean): string[] {
  const plain = names.map((name) => name.replace(/^\//, ''));
  return trunc ? plain.filter((name) => !name.includes('/')) : plain;
}

function sizeOf({ SizeRw = 0, SizeRootFs = 0 }: ContainerSummary): string {
  return `${humanSize(SizeRw)}${SizeRootFs > 0 ? ` (virtual ${humanSize(SizeRootFs)})` : ''}`;
}
