/**
 * @module What a container uses: numbers of its cgroup and of its network stack, in one look.
 */

import { readFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { type Cgroup, cgroupOf } from './cgroup.ts';
import type { Usage } from './types.ts';

/** sysconf(_SC_CLK_TCK): the unit of /proc/stat and cpuacct.stat, the same on all architectures that Node.js runs on. */
const TICK_NS = 1e9 / 100;
const NO_CPU = { totalNs: 0, userNs: 0, systemNs: 0 };

/** @param pid of the container's first process @throws PontoonError container-state where it has ended */
export async function readUsage(pid: number): Promise<Usage> {
  const cgroup = await cgroupOf(pid);
  const reader =
    cgroup.version === 2
      ? { cpu: cpu2, memory: memory2, blockIo: blockIo2 }
      : { cpu: cpu1, memory: memory1, blockIo: blockIo1 };
  const [pids, cpu, hostNs, memory, blockIo, networks] = await Promise.all([
    readPids(cgroup),
    reader.cpu(cgroup),
    readHostNs(),
    reader.memory(cgroup),
    reader.blockIo(cgroup),
    readNetworks(pid),
  ]);
  return { readMs: Date.now(), pids, cpu: { ...cpu, hostNs, onlineCpus: cpus().length }, memory, blockIo, networks };
}

async function readPids(cgroup: Cgroup): Promise<Usage['pids']> {
  const [current, limit] = await Promise.all([cgroup.read('pids', 'pids.current'), cgroup.read('pids', 'pids.max')]);
  return { current: Number(current ?? 0), limit: limit === undefined ? undefined : parseLimit(limit) };
}

type Cpu = Omit<Usage['cpu'], 'hostNs' | 'onlineCpus'>;

async function cpu2(cgroup: Cgroup): Promise<Cpu> {
  const fields = parseFields(await cgroup.read('cpu', 'cpu.stat'));
  const us = (name: string) => (fields[name] ?? 0) * 1000;
  return {
    totalNs: us('usage_usec'),
    userNs: us('user_usec'),
    systemNs: us('system_usec'),
    throttling: throttling(fields, us('throttled_usec')),
  };
}

async function cpu1(cgroup: Cgroup): Promise<Cpu> {
  const [usage, times, stat] = await Promise.all([
    cgroup.read('cpuacct', 'cpuacct.usage'),
    cgroup.read('cpuacct', 'cpuacct.stat'),
    cgroup.read('cpu', 'cpu.stat'),
  ]);
  const { user = 0, system = 0 } = parseFields(times);
  const fields = parseFields(stat);
  const spent =
    usage === undefined ? NO_CPU : { totalNs: Number(usage), userNs: user * TICK_NS, systemNs: system * TICK_NS };
  return { ...spent, throttling: throttling(fields, fields.throttled_time ?? 0) };
}

function throttling({ nr_periods = 0, nr_throttled = 0 }: Fields, throttledNs: number): Cpu['throttling'] {
  return { periods: nr_periods, throttledPeriods: nr_throttled, throttledNs };
}

async function memory2(cgroup: Cgroup): Promise<Usage['memory']> {
  const [current, max, peak, stat] = await Promise.all(
    ['memory.current', 'memory.max', 'memory.peak', 'memory.stat'].map((file) => cgroup.read('memory', file)),
  );
  return memoryOf(current, max, peak, stat);
}

async function memory1(cgroup: Cgroup): Promise<Usage['memory']> {
  const [current, max, peak, stat] = await Promise.all(
    ['memory.usage_in_bytes', 'memory.limit_in_bytes', 'memory.max_usage_in_bytes', 'memory.stat'].map((file) =>
      cgroup.read('memory', file),
    ),
  );
  return memoryOf(current, max, peak, stat);
}

/** Without a limit, the machine's memory is the limit. */
function memoryOf(current = '0', max = 'max', peak?: string, stat?: string): Usage['memory'] {
  return {
    usageBytes: Number(current),
    limitBytes: Math.min(parseLimit(max) ?? totalmem(), totalmem()),
    maximumBytes: peak === undefined ? undefined : Number(peak),
    statistics: parseFields(stat),
  };
}

type BlockIo = Usage['blockIo'];

/** io.stat: `8:0 rbytes=1 wbytes=2 rios=3 wios=4 …` */
async function blockIo2(cgroup: Cgroup): Promise<BlockIo> {
  const lines = ((await cgroup.read('io', 'io.stat')) ?? '').split('\n').filter(Boolean);
  return lines.flatMap((line): BlockIo => {
    const [device = '', ...pairs] = line.split(' ');
    const values = Object.fromEntries(pairs.map((pair) => pair.split('=')));
    const [major = 0, minor = 0] = device.split(':').map(Number);
    const entry = (operation: 'read' | 'write', initial: 'r' | 'w') => ({
      major,
      minor,
      operation,
      bytes: Number(values[`${initial}bytes`] ?? 0),
      operations: Number(values[`${initial}ios`] ?? 0),
    });
    return [entry('read', 'r'), entry('write', 'w')];
  });
}

/** blkio.throttle.*: `8:0 Read 123`, and Write, Sync, Async, Discard, Total. */
async function blockIo1(cgroup: Cgroup): Promise<BlockIo> {
  const [bytes, operations] = await Promise.all([
    cgroup.read('blkio', 'blkio.throttle.io_service_bytes_recursive'),
    cgroup.read('blkio', 'blkio.throttle.io_serviced_recursive'),
  ]);
  const counts = new Map((operations ?? '').split('\n').map((line) => [line.slice(0, line.lastIndexOf(' ')), line]));
  const lines = (bytes ?? '').split('\n').filter((line) => /^\d+:\d+ (Read|Write) /.test(line));
  return lines.map((line) => {
    const [device = '', operation, value] = line.split(' ');
    const [major = 0, minor = 0] = device.split(':').map(Number);
    return {
      major,
      minor,
      operation: operation === 'Read' ? 'read' : 'write',
      bytes: Number(value),
      operations: Number(counts.get(`${device} ${operation}`)?.split(' ')[2] ?? 0),
    };
  });
}

/** Of the stack in which the process is; the loopback interface counts for nobody. */
async function readNetworks(pid: number): Promise<Usage['networks']> {
  const text = await readFile(`/proc/${pid}/net/dev`, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'EINVAL') return ''; // it has just ended
    throw error;
  });
  return parseNetDev(text);
}

export function parseNetDev(text: string): Usage['networks'] {
  const rows = text.split('\n').flatMap((line) => {
    const [, name, numbers] = /^\s*([^:]+):\s*(.*)$/.exec(line) ?? [];
    if (name === undefined || numbers === undefined || name === 'lo') return [];
    const columns = numbers.trim().split(/\s+/).map(Number);
    const [rxBytes = 0, rxPackets = 0, rxErrors = 0, rxDropped = 0] = columns;
    const [txBytes = 0, txPackets = 0, txErrors = 0, txDropped = 0] = columns.slice(8);
    return [[name, { rxBytes, rxPackets, rxErrors, rxDropped, txBytes, txPackets, txErrors, txDropped }] as const];
  });
  return Object.fromEntries(rows);
}

/** All that the machine's processors have done, idleness included. */
async function readHostNs(): Promise<number> {
  const text = await readFile('/proc/stat', 'utf8');
  const [, ...ticks] = text.slice(0, text.indexOf('\n')).split(/\s+/).map(Number);
  // user nice system idle iowait irq softirq steal; guest times are part of user and nice.
  return ticks.slice(0, 8).reduce((sum, count) => sum + count, 0) * TICK_NS;
}

/** 'max', and v1's largest number, mean none. */
function parseLimit(text: string): number | undefined {
  const value = Number(text);
  return Number.isFinite(value) && value < Number.MAX_SAFE_INTEGER ? value : undefined;
}

type Fields = Readonly<Record<string, number>>;

/** Lines of `name number`. */
function parseFields(text = ''): Fields {
  const lines = text.split('\n').filter(Boolean);
  return Object.fromEntries(lines.map((line) => line.split(' ')).map(([name = '', value]) => [name, Number(value)]));
}
