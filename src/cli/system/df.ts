/**
 * @module `pontoon system df`: how much disk images, containers and volumes use.
 */

import type { Command } from 'commander';
import { type ContainerSummary, tableOf } from '../container/ps.ts';
import { type ImageSummary, shortImageId } from '../image/ls.ts';
import { type Columns, formatList, printList } from '../output/list.ts';
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
    Name: ['IMAGE', ({ RepoTags }) => RepoTags?.[0] ?? '<none>'],
    ID: ['IMAGE ID', ({ Id }) => shortImageId(Id)],
    Created: ['CREATED', (image) => ago(image.Created)],
    Size: ['SIZE', ({ Size }) => humanSize(Size)],
    Containers: ['CONTAINERS', (image) => String(image.Containers)],
  };
  const containers: Columns<ContainerSummary> = {
    ID: ['CONTAINER ID', ({ Id }) => Id.slice(0, 12)],
    Image: ['IMAGE', ({ Image }) => Image],
    Size: ['SIZE', ({ SizeRw = 0 }) => humanSize(SizeRw)],
    Created: ['CREATED', (container) => ago(container.Created)],
    Status: ['STATUS', ({ Status }) => Status],
    Names: ['NAMES', ({ Names }) => (Names[0] ?? '').replace(/^\//, '')],
  };
  const volumes: Columns<NonNullable<DiskUsage['Volumes']>[number]> = {
    Name: ['VOLUME NAME', ({ Name }) => Name],
    Links: ['LINKS', ({ UsageData }) => String(UsageData?.RefCount ?? 0)],
    Size: ['SIZE', ({ UsageData }) => humanSize(Math.max(0, UsageData?.Size ?? 0))],
  };
  const section = <T>(heading: string, items: readonly T[] | null, columns: Columns<T>) =>
    `${heading} space usage:\n\n${formatList(items ?? [], columns, { format: undefined, table: tableOf(Object.keys(columns)) })}`;
  return [
    section('Images', Images, images),
    section('Containers', Containers, containers),
    section('Local Volumes', Volumes, volumes),
  ].join('\n');
}
