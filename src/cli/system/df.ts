/**
 * @module `pontoon system df`: how much disk images, containers and volumes use.
 */

import type { Command } from 'commander';
import { type ContainerSummary, containerColumns } from '../container/ps.ts';
import { type ImageSummary, shortImageId } from '../image/ls.ts';
import { splitReference } from '../image/reference.ts';
import { type Columns, formatList, printList, tableOf } from '../output/list.ts';
import { ago, humanSize } from '../output/units.ts';
import { withApi } from '../session.ts';
import { formatOption } from '../values.ts';

/** Of GET /system/df. */
interface DiskUsage {
  readonly LayersSize: number;
  readonly Images: readonly ImageSummary[] | null;
  readonly Containers: readonly ContainerSummary[] | null;
  readonly Volumes: readonly { Name: string; UsageData: { Size: number; RefCount: number } | null }[] | null;
  readonly BuildCache?: readonly { Size: number; InUse: boolean }[] | null;
}

const NONE = '<none>';

interface Row {
  readonly type: string;
  readonly total: number;
  readonly active: number;
  readonly size: number;
  readonly reclaimable: number;
}

const COLUMNS: Columns<Row> = {
  Type: ['TYPE', ({ type }) => type],
  TotalCount: ['TOTAL', ({ total }) => String(total)],
  Active: ['ACTIVE', ({ active }) => String(active)],
  Size: ['SIZE', ({ size }) => humanSize(size, 4)],
  Reclaimable: [
    'RECLAIMABLE',
    ({ size, reclaimable, type }) =>
      humanSize(reclaimable, 4) +
      (size > 0 && type !== 'Build Cache' ? ` (${Math.trunc((reclaimable * 100) / size)}%)` : ''),
  ],
};

export function defineDiskUsage(command: Command): void {
  command
    .addOption(formatOption())
    .option('-v, --verbose', 'each of them')
    .action(({ format, verbose }: { format?: string; verbose?: true }) =>
      withApi(command, async (api) => {
        const usage = await api.get<DiskUsage>('/system/df');
        if (verbose) process.stdout.write(details(usage));
        else {
          const table = tableOf(['Type', 'TotalCount', 'Active', 'Size', 'Reclaimable']);
          printList(rowsOf(usage), COLUMNS, { format, table });
        }
      }),
    );
}

function rowsOf(usage: DiskUsage): Row[] {
  const { LayersSize } = usage;
  const images = usage.Images ?? [];
  const containers = usage.Containers ?? [];
  const volumes = usage.Volumes ?? [];
  const cache = usage.BuildCache ?? [];
  const usedImages = images.filter((image) => image.Containers > 0);
  const active = containers.filter(({ State }) => ['running', 'paused', 'restarting'].includes(State));
  const usedVolumes = volumes.filter(({ UsageData }) => (UsageData?.RefCount ?? 0) > 0);
  const written = (list: readonly ContainerSummary[]) => sum(list.map(({ SizeRw = 0 }) => SizeRw));
  const held = (list: typeof volumes) => sum(list.map(({ UsageData }) => Math.max(0, UsageData?.Size ?? 0)));
  const unique = sum(usedImages.map(({ Size, SharedSize }) => (Size < 0 || SharedSize < 0 ? 0 : Size - SharedSize)));
  const shared = usedImages.length === 0 ? 0 : Math.max(0, ...usedImages.map(({ SharedSize }) => SharedSize));
  return [
    {
      type: 'Images',
      total: images.length,
      active: usedImages.length,
      size: LayersSize,
      reclaimable: Math.max(0, LayersSize - unique - shared),
    },
    {
      type: 'Containers',
      total: containers.length,
      active: active.length,
      size: written(containers),
      reclaimable: written(containers) - written(active),
    },
    {
      type: 'Local Volumes',
      total: volumes.length,
      active: usedVolumes.length,
      size: held(volumes),
      reclaimable: held(volumes) - held(usedVolumes),
    },
    {
      type: 'Build Cache',
      total: cache.length,
      active: cache.filter(({ InUse }) => InUse).length,
      size: sum(cache.map(({ Size }) => Size)),
      reclaimable: sum(cache.filter(({ InUse }) => !InUse).map(({ Size }) => Size)),
    },
  ];
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function details({ Images, Containers, Volumes }: DiskUsage): string {
  const images: Columns<ImageSummary> = {
    Repository: ['REPOSITORY', ({ RepoTags }) => splitReference(RepoTags?.[0] ?? NONE).repository],
    Tag: ['TAG', ({ RepoTags }) => splitReference(RepoTags?.[0] ?? NONE).tag ?? NONE],
    ID: ['IMAGE ID', ({ Id }) => shortImageId(Id)],
    CreatedSince: ['CREATED', ({ Created }) => ago(Created)],
    Size: ['SIZE', ({ Size }) => humanSize(Size)],
    SharedSize: ['SHARED SIZE', ({ SharedSize }) => humanSize(Math.max(0, SharedSize))],
    UniqueSize: ['UNIQUE SIZE', ({ Size, SharedSize }) => humanSize(Size - Math.max(0, SharedSize), 4)],
    Containers: ['CONTAINERS', (image) => String(Math.max(0, image.Containers))],
  };
  const volumes: Columns<NonNullable<DiskUsage['Volumes']>[number]> = {
    Name: ['VOLUME NAME', ({ Name }) => Name],
    Links: ['LINKS', ({ UsageData }) => String(UsageData?.RefCount ?? 0)],
    Size: ['SIZE', ({ UsageData }) => humanSize(Math.max(0, UsageData?.Size ?? 0))],
  };
  const containers = ['ID', 'Image', 'Command', 'LocalVolumes', 'Size', 'RunningFor', 'Status', 'Names'];
  const section = <T>(heading: string, items: readonly T[] | null, columns: Columns<T>, names = Object.keys(columns)) =>
    `${heading} space usage:\n\n${formatList(items ?? [], columns, { format: undefined, table: tableOf(names) })}`;
  const plain = (Containers ?? []).map((container) => ({ ...container, SizeRootFs: 0 }));
  return [
    section('Images', Images, images),
    section('Containers', plain, containerColumns(true), containers),
    section('Local Volumes', Volumes, volumes),
  ].join('\n');
}
