/**
 * @module `prune` of containers, images, networks, volumes, and of all of them (`pontoon system prune`).
 */

import type { Command } from 'commander';
import type { ApiClient } from '../api/client.ts';
import { humanSize } from '../output/units.ts';
import { printLine, withApi, withNetworkApi } from '../session.ts';
import { filtersOf, several } from '../values.ts';
import { confirm } from './confirm.ts';

interface PruneFlags {
  readonly all?: true;
  readonly filter?: readonly string[];
  readonly force?: true;
  readonly volumes?: true;
}

/** What one kind's prune removed. */
interface Pruned {
  readonly heading: string;
  readonly lines: readonly string[];
  readonly bytes: number;
}

export function defineContainerPrune(command: Command): void {
  withFlags(command).action(async (flags: PruneFlags) => {
    await ask(flags, 'This will remove all stopped containers.');
    await withApi(command, async (api) => report([await pruneContainers(api, flags.filter)]));
  });
}

export function defineImagePrune(command: Command): void {
  withFlags(command)
    .option('-a, --all', 'all that no container uses, not only those without a name')
    .action(async (flags: PruneFlags) => {
      const which = flags.all ? 'images without at least one container associated to them' : 'dangling images';
      await ask(flags, `This will remove all ${which}.`);
      await withApi(command, async (api) => report([await pruneImages(api, flags)]));
    });
}

export function defineNetworkPrune(command: Command): void {
  withFlags(command).action(async (flags: PruneFlags) => {
    await ask(flags, 'This will remove all custom networks not used by at least one container.');
    await withNetworkApi(command, async (api) => show([await pruneNetworks(api, flags.filter)]));
  });
}

export function defineVolumePrune(command: Command): void {
  withFlags(command)
    .option('-a, --all', 'named ones too')
    .action(async (flags: PruneFlags) => {
      const which = flags.all ? 'all' : 'anonymous';
      await ask(flags, `This will remove ${which} local volumes not used by at least one container.`);
      await withApi(command, async (api) => report([await pruneVolumes(api, flags)]));
    });
}

export function defineSystemPrune(command: Command): void {
  withFlags(command)
    .option('-a, --all', 'all images that no container uses')
    .option('--volumes', 'anonymous volumes too')
    .action(async (flags: PruneFlags) => {
      const doomed = [
        'all stopped containers',
        'all networks not used by at least one container',
        ...(flags.volumes ? ['all anonymous volumes not used by at least one container'] : []),
        flags.all ? 'all images without at least one container associated to them' : 'all dangling images',
      ];
      await ask(flags, `This will remove:\n${doomed.map((line) => `  - ${line}`).join('\n')}\n`);
      await withApi(command, async (api) => {
        const { filter } = flags;
        const pruned = [await pruneContainers(api, filter), await pruneNetworks(api, filter)];
        if (flags.volumes) pruned.push(await pruneVolumes(api, { filter: filter ?? [] }));
        pruned.push(await pruneImages(api, flags));
        report(pruned);
      });
    });
}

function withFlags(command: Command): Command {
  return command
    .addOption(several('--filter <key=value>', 'only what fits: until=24h, label=KEY[=VALUE]'))
    .option('-f, --force', 'do not ask');
}

async function ask({ force }: PruneFlags, warning: string): Promise<void> {
  if (!force) await confirm(`WARNING! ${warning}`);
}

async function pruneContainers(api: ApiClient, filter: readonly string[] | undefined): Promise<Pruned> {
  const answer = await api.post<{ ContainersDeleted: string[] | null; SpaceReclaimed: number }>('/containers/prune', {
    query: { filters: filtersOf(filter) },
  });
  return { heading: 'Deleted Containers:', lines: answer.ContainersDeleted ?? [], bytes: answer.SpaceReclaimed };
}

async function pruneImages(api: ApiClient, { all, filter = [] }: PruneFlags): Promise<Pruned> {
  const filters = filtersOf([...filter, `dangling=${all ? 'false' : 'true'}`]);
  const answer = await api.post<{
    ImagesDeleted: { Untagged?: string; Deleted?: string }[] | null;
    SpaceReclaimed: number;
  }>('/images/prune', { query: { filters } });
  const lines = (answer.ImagesDeleted ?? []).map(({ Untagged, Deleted }) =>
    Untagged === undefined ? `deleted: ${Deleted}` : `untagged: ${Untagged}`,
  );
  return { heading: 'Deleted Images:', lines, bytes: answer.SpaceReclaimed };
}

async function pruneNetworks(api: ApiClient, filter: readonly string[] | undefined): Promise<Pruned> {
  const answer = await api.post<{ NetworksDeleted: string[] | null }>('/networks/prune', {
    query: { filters: filtersOf(filter) },
  });
  return { heading: 'Deleted Networks:', lines: answer.NetworksDeleted ?? [], bytes: 0 };
}

async function pruneVolumes(api: ApiClient, { all, filter = [] }: PruneFlags): Promise<Pruned> {
  const answer = await api.post<{ VolumesDeleted: string[] | null; SpaceReclaimed: number }>('/volumes/prune', {
    query: { filters: filtersOf(all ? [...filter, 'all=true'] : filter) },
  });
  return { heading: 'Deleted Volumes:', lines: answer.VolumesDeleted ?? [], bytes: answer.SpaceReclaimed };
}

function show(pruned: readonly Pruned[]): void {
  for (const { heading, lines } of pruned) {
    if (lines.length > 0) printLine([heading, ...lines, ''].join('\n'));
  }
}

function report(pruned: readonly Pruned[]): void {
  show(pruned);
  printLine(
    `Total reclaimed space: ${humanSize(
      pruned.reduce((sum, { bytes }) => sum + bytes, 0),
      4,
    )}`,
  );
}
