/**
 * @module `pontoon stats`: what containers use, drawn anew each second, or once. Shares are computed as Docker does.
 * @see docker/cli, command/container/stats_helpers.go
 */

import type { Command } from 'commander';
import { type ApiClient, ApiError } from '../api/client.ts';
import { type Columns, formatList, tableOf } from '../output/list.ts';
import { bytesSize, humanSize } from '../output/units.ts';
import { withApi } from '../session.ts';
import { formatOption } from '../values.ts';
import type { ContainerSummary } from './ps.ts';

/** Of GET /containers/ID/stats. */
interface Stats {
  readonly id?: string;
  readonly name?: string;
  readonly pids_stats: { readonly current?: number };
  readonly cpu_stats: CpuStats;
  readonly precpu_stats: CpuStats;
  readonly memory_stats: {
    readonly usage?: number;
    readonly limit?: number;
    readonly stats?: Readonly<Record<string, number>>;
  };
  readonly networks?: Readonly<Record<string, { readonly rx_bytes: number; readonly tx_bytes: number }>>;
  readonly blkio_stats: { readonly io_service_bytes_recursive?: readonly { op: string; value: number }[] | null };
}

interface CpuStats {
  readonly cpu_usage: { readonly total_usage: number; readonly percpu_usage?: readonly number[] | null };
  readonly system_cpu_usage?: number;
  readonly online_cpus?: number;
}

interface Row {
  readonly id: string;
  /** As the user named it. */
  readonly container: string;
  /** undefined while nothing is known. */
  readonly stats: Stats | undefined;
}

interface StatsFlags {
  readonly all?: true;
  readonly format?: string;
  readonly stream: boolean;
  readonly trunc: boolean;
}

const TABLE = tableOf(['ID', 'Name', 'CPUPerc', 'MemUsage', 'MemPerc', 'NetIO', 'BlockIO', 'PIDs']);
const CLEAR = '\u001B[H\u001B[2J';
const PERIOD_MS = 1000;

export function defineStats(command: Command): void {
  command
    .argument('[container...]', 'names or IDs (default: all that run)')
    .option('-a, --all', 'those that do not run too')
    .addOption(formatOption())
    .option('--no-stream', 'print once, and end')
    .option('--no-trunc', 'print everything in full')
    .action((refs: string[], flags: StatsFlags) =>
      withApi(command, async (api) => {
        const { all, format, stream, trunc } = flags;
        const show = (rows: readonly Row[]) => formatList(rows, columnsOf(trunc), { format, table: TABLE });
        if (!stream) {
          process.stdout.write(show(await readAll(api, refs, all)));
          return;
        }
        const interrupted = new AbortController();
        for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort());
        while (!interrupted.signal.aborted) {
          const next = performance.now() + PERIOD_MS;
          const rows = await readAll(api, refs, all);
          process.stdout.write(`${process.stdout.isTTY ? CLEAR : ''}${show(rows)}`);
          await pause(next - performance.now(), interrupted.signal);
        }
      }),
    );
}

/** One reading of each: the daemon waits a second for the share of the CPU. */
async function readAll(api: ApiClient, refs: readonly string[], all: true | undefined): Promise<Row[]> {
  const named =
    refs.length > 0 ? refs : (await api.get<ContainerSummary[]>('/containers/json', { all })).map(({ Id }) => Id);
  const rows = await Promise.all(
    named.map(async (container): Promise<Row | undefined> => {
      try {
        const stats = await api.get<Stats>(`/containers/${container}/stats`, { stream: 'false' });
        return { id: stats.id ?? container, container, stats };
      } catch (error) {
        // A container that nobody named may go at any time.
        if (refs.length > 0 || !ApiError.is(error, 404)) throw error;
        return undefined;
      }
    }),
  );
  return rows.filter((row) => row !== undefined);
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function columnsOf(trunc: boolean): Columns<Row> {
  const of =
    (read: (stats: Stats) => string) =>
    ({ stats }: Row) =>
      stats === undefined ? '--' : read(stats);
  return {
    ID: ['CONTAINER ID', ({ id }) => (trunc ? id.slice(0, 12) : id)],
    Container: ['CONTAINER', ({ container }) => container],
    Name: ['NAME', of(({ name }) => (name ?? '').replace(/^\//, '') || '--')],
    CPUPerc: ['CPU %', of((stats) => percent(cpuShare(stats)))],
    MemUsage: [
      'MEM USAGE / LIMIT',
      of((stats) => `${bytesSize(memoryUsed(stats))} / ${bytesSize(stats.memory_stats.limit ?? 0)}`),
    ],
    MemPerc: ['MEM %', of((stats) => percent(share(memoryUsed(stats), stats.memory_stats.limit)))],
    NetIO: ['NET I/O', of(({ networks }) => pair(sum(networks, 'rx_bytes'), sum(networks, 'tx_bytes')))],
    BlockIO: ['BLOCK I/O', of(({ blkio_stats }) => pair(blocks(blkio_stats, 'read'), blocks(blkio_stats, 'write')))],
    PIDs: ['PIDS', of(({ pids_stats }) => String(pids_stats.current ?? 0))],
  };
}

function cpuShare({ cpu_stats, precpu_stats }: Stats): number {
  const used = cpu_stats.cpu_usage.total_usage - precpu_stats.cpu_usage.total_usage;
  const passed = (cpu_stats.system_cpu_usage ?? 0) - (precpu_stats.system_cpu_usage ?? 0);
  const cpus = cpu_stats.online_cpus || cpu_stats.cpu_usage.percpu_usage?.length || 1;
  return used > 0 && passed > 0 ? (used / passed) * cpus * 100 : 0;
}

/** Without the page cache that can be given back: inactive_file, whose name cgroup v1 prefixes. */
function memoryUsed({ memory_stats: { usage = 0, stats = {} } }: Stats): number {
  const inactive = stats.total_inactive_file ?? stats.inactive_file ?? 0;
  return inactive < usage ? usage - inactive : usage;
}

function share(part: number, whole: number | undefined): number {
  return whole ? (part / whole) * 100 : 0;
}

function percent(value: number): string {
  return `${value.toFixed(2)}%`;
}

function pair(first: number, second: number): string {
  return `${humanSize(first)} / ${humanSize(second)}`;
}

function sum(networks: Stats['networks'], key: 'rx_bytes' | 'tx_bytes'): number {
  return Object.values(networks ?? {}).reduce((total, network) => total + network[key], 0);
}

function blocks({ io_service_bytes_recursive: entries }: Stats['blkio_stats'], operation: string): number {
  const wanted = (entries ?? []).filter(({ op }) => op.toLowerCase() === operation);
  return wanted.reduce((total, { value }) => total + value, 0);
}
