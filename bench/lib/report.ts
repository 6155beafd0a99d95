/**
 * @module What the bench prints: one row for each comparison, in a table, with the goal and whether it was met.
 */

import { readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';

/** What a row must reach: Pontoon so many times better than the peer, at most so many times worse, or a fixed limit. */
export type Goal = { readonly timesBetter: number } | { readonly timesWorse: number } | { readonly atMost: number };

export interface Row {
  readonly what: string;
  readonly unit: 'ms' | 'MB' | 'Gbit/s' | '/s' | '×' | '';
  readonly better: 'lower' | 'higher';
  readonly pontoon: number;
  /** Who it is compared with, and its value; absent where only a fixed limit counts. */
  readonly peer?: { readonly name: string; readonly value: number };
  readonly goal?: Goal;
}

/** A section of the bench: measures, and returns rows. */
export interface Section {
  readonly name: string;
  readonly about: string;
  run(options: Options): Promise<Row[]>;
}

export interface Options {
  /** How often each measurement is repeated, interleaved with its peers'. */
  readonly rounds: number;
  /** Also measure what takes the peers minutes. */
  readonly full: boolean;
}

/** How many times better Pontoon is than the peer: below 1 when it is worse. Undefined without a peer, or beside zero. */
export function timesBetter(row: Row): number | undefined {
  if (row.peer === undefined || row.pontoon === 0 || row.peer.value === 0) return undefined;
  return row.better === 'lower' ? row.peer.value / row.pontoon : row.pontoon / row.peer.value;
}

/** Whether the goal is met; undefined without one. */
export function isMet(row: Row): boolean | undefined {
  if (row.goal === undefined) return undefined;
  if ('atMost' in row.goal) return row.pontoon <= row.goal.atMost;
  const times = timesBetter(row);
  if (times === undefined) return undefined;
  return 'timesBetter' in row.goal ? times >= row.goal.timesBetter : 1 / times <= row.goal.timesWorse;
}

function show(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString('en');
  return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2);
}

function withUnit(value: number, unit: Row['unit']): string {
  return unit === '' || unit === '×' || unit === '/s' ? show(value) + unit : `${show(value)} ${unit}`;
}

function goalText({ goal, unit, better }: Row): string {
  if (goal === undefined) return '';
  if ('atMost' in goal) return `at most ${withUnit(goal.atMost, unit)}`;
  if ('timesWorse' in goal) return `at most ${goal.timesWorse}× as much`;
  return `${goal.timesBetter}× ${better === 'lower' ? 'less' : 'as much'}`;
}

function ratioText(row: Row): string {
  const times = timesBetter(row);
  if (times === undefined) return '';
  if (row.better === 'higher') return `${show(times)}× as much`;
  return times >= 1 ? `${show(times)}× less` : `${show(1 / times)}× as much`;
}

/** The rows as a table of text; the columns are as wide as what is in them. */
export function table(rows: readonly Row[]): string {
  const head = ['what', 'Pontoon', 'peer', 'its value', 'ratio', 'goal', 'met'];
  const cells = rows.map((row) => [
    row.what,
    withUnit(row.pontoon, row.unit),
    row.peer?.name ?? '',
    row.peer ? withUnit(row.peer.value, row.unit) : '',
    ratioText(row),
    goalText(row),
    { true: 'yes', false: 'NO', undefined: '' }[`${isMet(row)}`] ?? '',
  ]);
  const widths = head.map((title, column) => Math.max(title.length, ...cells.map((line) => line[column]?.length ?? 0)));
  const line = (texts: readonly string[]): string =>
    texts
      .map((text, column) =>
        (column === 1 || column === 3 ? text.padStart : text.padEnd).call(text, widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd();
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...cells.map(line)].join('\n');
}

/** The machine, in one line. */
export function machine(): string {
  const processors = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  const load = readFileSync('/proc/loadavg', 'utf8').split(' ')[0];
  return `${processors[0]?.model.trim()}, ${processors.length} CPUs, ${memory} GiB, Linux ${release()}, Node ${process.version}, load ${load} at the start`;
}
