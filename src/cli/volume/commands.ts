/**
 * @module `pontoon volume create`, `ls` and `rm`.
 */

import type { Command } from 'commander';
import { type Columns, printList, tableOf } from '../output/list.ts';
import { compareNames } from '../output/order.ts';
import { labelsOf } from '../output/text.ts';
import { forEachNamed, printLine, withApi } from '../session.ts';
import { filterOption, filtersOf, formatOption, mapOf, several } from '../values.ts';

/** Of GET /volumes. */
interface VolumeSummary {
  readonly Name: string;
  readonly Driver: string;
  readonly Scope: string;
  readonly Mountpoint: string;
  readonly Labels: Readonly<Record<string, string>> | null;
  readonly UsageData?: { readonly Size: number; readonly RefCount: number } | null;
}

export function defineCreate(command: Command): void {
  command
    .argument('[name]', '(default: a new one)')
    .option('-d, --driver <driver>', 'volume driver', 'local')
    .addOption(several('--label <key=value>', 'a label'))
    .addOption(several('-o, --opt <key=value>', 'an option of the driver'))
    .action((name: string | undefined, flags: { driver: string; label?: string[]; opt?: string[] }) =>
      withApi(command, async (api) => {
        const json = {
          Name: name ?? '',
          Driver: flags.driver,
          DriverOpts: mapOf(flags.opt ?? []),
          Labels: mapOf(flags.label ?? []),
        };
        printLine((await api.post<VolumeSummary>('/volumes/create', { json })).Name);
      }),
    );
}

export function defineList(command: Command): void {
  command
    .addOption(filterOption())
    .addOption(formatOption())
    .option('-q, --quiet', 'print names only')
    .action(({ filter, format, quiet }: { filter?: string[]; format?: string; quiet?: true }) =>
      withApi(command, async (api) => {
        const query = { filters: filtersOf(filter) };
        const { Volumes } = await api.get<{ Volumes: VolumeSummary[] | null }>('/volumes', query);
        const inOrder = (Volumes ?? []).toSorted((a, b) => compareNames(a.Name, b.Name));
        printList(inOrder, COLUMNS, { format, table: tableOf(['Driver', 'Name']), quiet: quiet && 'Name' });
      }),
    );
}

const COLUMNS: Columns<VolumeSummary> = {
  Name: ['VOLUME NAME', ({ Name }) => Name],
  Driver: ['DRIVER', ({ Driver }) => Driver],
  Scope: ['SCOPE', ({ Scope }) => Scope],
  Mountpoint: ['MOUNTPOINT', ({ Mountpoint }) => Mountpoint],
  Labels: ['LABELS', ({ Labels }) => labelsOf(Labels)],
  Label: [
    '',
    ({ Labels }) =>
      (name: string) =>
        Labels?.[name] ?? '',
  ],
  Availability: ['AVAILABILITY', () => 'N/A'],
  Group: ['GROUP', () => 'N/A'],
  Links: ['LINKS', ({ UsageData }) => (UsageData ? String(UsageData.RefCount) : 'N/A')],
  Size: ['SIZE', ({ UsageData }) => (UsageData ? String(UsageData.Size) : 'N/A')],
  Status: ['STATUS', () => 'N/A'],
};

export function defineRemove(command: Command): void {
  command
    .argument('<volume...>', 'names')
    .option('-f, --force', 'one that is not there is no error')
    .action((names: string[], { force }: { force?: true }) =>
      forEachNamed(command, names, (api, name) => api.delete(`/volumes/${name}`, { force })),
    );
}
