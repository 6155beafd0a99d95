/** @module The processors and memory nodes that a container may have, as in cpuset(7): "0-2,7". */

import { existsSync, readFileSync } from 'node:fs';
import { badRequest } from './errors.ts';

const KINDS = {
  cpus: { what: 'CPUs', online: '/sys/devices/system/cpu/online' },
  mems: { what: 'memory nodes', online: '/sys/devices/system/node/online' },
} as const;

type Range = readonly [first: number, last: number];

/** @throws HttpError 400, in dockerd's words, where some are not there */
export function checkCpuset(kind: keyof typeof KINDS, asked: string): void {
  const { what, online } = KINDS[kind];
  const ranges = rangesOf(asked);
  if (ranges === undefined) throw badRequest(`Invalid value ${asked} for cpuset ${kind}: invalid format: ${asked}`);
  if (!existsSync(online)) return; // a kernel without memory nodes
  const text = readFileSync(online, 'utf8').trim();
  const available = rangesOf(text) ?? [];
  if (ranges.every(([first, last]) => available.some(([from, to]) => from <= first && last <= to))) return;
  throw badRequest(`Requested ${what} are not available - requested ${asked}, available: ${text}`);
}

function rangesOf(text: string): Range[] | undefined {
  if (!/^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(text)) return undefined;
  const ranges = text.split(',').map((part): Range => {
    const [first = 0, last = first] = part.split('-').map(Number);
    return [first, last];
  });
  return ranges.every(([first, last]) => first <= last) ? ranges : undefined;
}
