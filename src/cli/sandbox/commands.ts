/**
 * @module `pontoon sandbox` and `pontoon reconcile`: network stacks, with or without a container, and what becomes of
 * them. A container's sandbox has its name and ID.
 */

import type { Command } from 'commander';
import { addressesOf } from '../../network/both-families.ts';
import type { PortBinding, ReconcileReport, Sandbox } from '../../network/types.ts';
import { isHostNamed } from '../api/host.ts';
import { Unreachable } from '../api/transport.ts';
import { EXIT } from '../failure.ts';
import { type Columns, printList, tableOf } from '../output/list.ts';
import { formatValue } from '../output/value.ts';
import { attemptEach, forEachNamed, globalFlags, printLine, withApi, withNetworkApi } from '../session.ts';
import { formatOption } from '../values.ts';
import { formatBinding, formatNamespace } from './format.ts';
import { addNamespaceOptions, type NamespaceFlags, namespaceSpec } from './namespaces.ts';

export function defineList(command: Command): void {
  command
    .addOption(formatOption())
    .option('--no-trunc', 'print everything in full')
    .option('-q, --quiet', 'print IDs only')
    .action(({ format, quiet, trunc }: { format?: string; quiet?: true; trunc: boolean }) =>
      withNetworkApi(command, async (api) => {
        const sandboxes = await api.get<Sandbox[]>('/pontoon/sandboxes');
        printList(sandboxes, columnsOf(trunc), {
          format,
          table: tableOf(['ID', 'Name', 'Namespace', 'Networks', 'Addresses', 'Ports']),
          quiet: quiet && 'ID',
        });
      }),
    );
}

function columnsOf(trunc: boolean): Columns<Sandbox> {
  const joined = (texts: readonly string[]) => texts.join(', ');
  const ports = (bindings: readonly PortBinding[]) => bindings.map(formatBinding);
  return {
    ID: ['SANDBOX ID', ({ id }) => (trunc ? id.slice(0, 12) : id)],
    Name: ['NAME', ({ name }) => name],
    Namespace: ['NAMESPACE', formatNamespace],
    Networks: ['NETWORKS', ({ endpoints }) => joined(endpoints.map(({ networkName }) => networkName))],
    Addresses: ['ADDRESSES', ({ endpoints }) => joined(endpoints.flatMap(addressesOf))],
    Ports: ['PORTS', ({ endpoints }) => joined(endpoints.flatMap((endpoint) => ports(endpoint.ports)))],
  };
}

export function defineInspect(command: Command): void {
  command
    .argument('<sandbox...>', 'names or IDs')
    .option('-f, --format <format>', "'json' or a Go template")
    .action((refs: string[], { format }: { format?: string }) =>
      withNetworkApi(command, async (api) => {
        const found = await attemptEach(refs, (ref) => api.get<Sandbox>(`/pontoon/sandboxes/${ref}`));
        if (format === undefined) printLine(JSON.stringify(found, undefined, 4));
        else for (const sandbox of found) printLine(formatValue(sandbox, format));
      }),
    );
}

export function defineRemove(command: Command): void {
  command
    .argument('<sandbox...>', 'names or IDs')
    .action((refs: string[]) =>
      forEachNamed(command, refs, (api, ref) => api.delete(`/pontoon/sandboxes/${ref}`), withNetworkApi),
    );
}

export function defineStop(command: Command): void {
  command
    .argument('<sandbox...>', 'names or IDs')
    .action((refs: string[]) =>
      forEachNamed(command, refs, (api, ref) => api.post(`/pontoon/sandboxes/${ref}/stop`), withNetworkApi),
    );
}

export function defineStart(command: Command): void {
  addNamespaceOptions(command.argument('<sandbox>', 'name or ID')).action((ref: string, flags: NamespaceFlags) => {
    const namespace = namespaceSpec(flags);
    return withNetworkApi(command, async (api) => {
      await api.post(`/pontoon/sandboxes/${ref}/start`, { json: namespace === undefined ? {} : { namespace } });
      printLine(ref);
    });
  });
}

export function defineReconcile(command: Command): void {
  command.option('-f, --format <format>', "'json' or a Go template").action(async ({ format }: { format?: string }) => {
    const report = await reconcile(command);
    printLine(format === undefined ? textOf(report) : formatValue(report, format));
    if (report.failed.length > 0) process.exitCode = EXIT.failure;
  });
}

async function reconcile(command: Command): Promise<ReconcileReport> {
  try {
    let report: ReconcileReport | undefined;
    await withApi(command, async (api) => {
      report = await api.post<ReconcileReport>('/pontoon/reconcile');
    });
    return report!;
  } catch (error) {
    if (!(error instanceof Unreachable) || isHostNamed(globalFlags(command))) throw error;
  }
  const { openEngine } = await import('../../network/engine.ts');
  const { dataRoot, runRoot } = globalFlags(command);
  await using engine = await openEngine({ dataRoot, runRoot, guardRules: false });
  // Opening the engine has repaired already; a second look says whether that was all.
  const { opening } = engine;
  const { repaired, removed, failed } = await engine.reconcile();
  return { repaired: [...opening.repaired, ...repaired], removed: [...opening.removed, ...removed], failed };
}

function textOf({ repaired, removed, failed }: ReconcileReport): string {
  const lines = [
    ...repaired.map((line) => `repaired: ${line}`),
    ...removed.map((line) => `removed: ${line}`),
    ...failed.map((line) => `failed: ${line}`),
  ];
  return lines.length === 0 ? 'everything is as it should be' : lines.join('\n');
}
