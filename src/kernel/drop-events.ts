/**
 * @module The kernel's own reasons for dropping packets: the tracepoint skb:kfree_skb, read through performance events.
 *
 * Nothing in tracefs is switched on: the events belong to descriptors and end with them, also when the process is killed.
 * @see include/trace/events/skb.h, include/net/dropreason-core.h, perf_event_open(2)
 */

import { closeSync, readFileSync } from 'node:fs';
import { PontoonError } from '../errors.ts';
import * as ffi from './ffi.ts';

export interface DropEvent {
  /** Nanoseconds since 1970 (CLOCK_REALTIME). */
  readonly timestampNs: bigint;
  /** The kernel's word, such as 'NETFILTER_DROP', 'IP_RPFILTER'. */
  readonly reason: string;
  /** The EtherType; 0 where the packet has none yet. */
  readonly protocol: number;
  /** The address in the kernel's code where it happened. */
  readonly location: bigint;
}

const PAGE_BYTES = 4096;
const RING_PAGES = 64;
const RECORD_SAMPLE = 9;
const RECORD_LOST = 2;
/** struct perf_event_mmap_page. */
const DATA_HEAD = 1024;
const DATA_TAIL = 1032;

interface Format {
  readonly id: number;
  readonly offsets: { readonly location: number; readonly protocol: number; readonly reason: number };
  readonly reasons: ReadonlyMap<number, string>;
}

/** Watches all drops of the machine from its making to its end. */
export class DropEvents implements Disposable {
  readonly #format: Format;
  /** From the clock of the events to that of the day, which packet sockets have. */
  readonly #sinceBoot = clockDifferenceNs();
  readonly #rings: { readonly fd: number; readonly memory: ffi.SharedMemory }[] = [];
  /** How many were missed because nobody read in time. */
  lost = 0;

  /** @throws PontoonError feature-missing without the tracepoint or its reasons; KernelError EPERM, EACCES */
  constructor() {
    this.#format = readFormat();
    try {
      for (const cpu of onlineCpus()) {
        const fd = ffi.perfEventOpen(attributesFor(this.#format.id), cpu);
        try {
          this.#rings.push({ fd, memory: ffi.mapShared(fd, (1 + RING_PAGES) * PAGE_BYTES) });
        } catch (error) {
          closeSync(fd);
          throw error;
        }
      }
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    for (const { fd, memory } of this.#rings.splice(0)) {
      memory[Symbol.dispose]();
      closeSync(fd);
    }
  }

  /** What happened since the last call, by time. */
  read(): DropEvent[] {
    const events = this.#rings.flatMap(({ memory: { bytes } }) => [...this.#readRing(bytes)]);
    return events.sort((a, b) => Number(a.timestampNs - b.timestampNs));
  }

  *#readRing(bytes: Buffer): Generator<DropEvent> {
    const ring = bytes.subarray(PAGE_BYTES);
    const head = bytes.readBigUInt64LE(DATA_HEAD);
    let tail = bytes.readBigUInt64LE(DATA_TAIL);
    while (tail < head) {
      const header = slice(ring, tail, 8);
      const size = header.readUInt16LE(6);
      if (size < 8) break;
      const record = slice(ring, tail, size);
      const type = record.readUInt32LE(0);
      if (type === RECORD_SAMPLE) yield this.#readSample(record);
      if (type === RECORD_LOST) this.lost += Number(record.readBigUInt64LE(16));
      tail += BigInt(size);
    }
    bytes.writeBigUInt64LE(tail, DATA_TAIL);
  }

  /** u64 time, u32 size of the raw part, and the raw part: the tracepoint's own fields. */
  #readSample(record: Buffer): DropEvent {
    const raw = record.subarray(20);
    const { offsets, reasons } = this.#format;
    const reason = raw.readUInt32LE(offsets.reason);
    return {
      timestampNs: record.readBigUInt64LE(8) + this.#sinceBoot,
      reason: reasons.get(reason) ?? `reason ${reason}`,
      protocol: raw.readUInt16LE(offsets.protocol),
      location: raw.readBigUInt64LE(offsets.location),
    };
  }
}

/** The name of the function that an address lies in; undefined where the kernel does not tell. */
export function symbolAt(location: bigint): string | undefined {
  let best: { address: bigint; name: string } | undefined;
  for (const [, hexadecimal, name] of readFileSync('/proc/kallsyms', 'utf8').matchAll(/^([0-9a-f]+) [tTwW] (\S+)/gm)) {
    const address = BigInt(`0x${hexadecimal}`);
    if (address <= location && (best === undefined || address > best.address)) best = { address, name: name ?? '' };
  }
  return best === undefined || best.address === 0n ? undefined : best.name;
}

/**
 * CLOCK_REALTIME less CLOCK_MONOTONIC. Of several readings those count that lie closest together: on a busy machine another
 * process may run between two of them, for milliseconds.
 */
function clockDifferenceNs(): bigint {
  let closest = { apart: Number.POSITIVE_INFINITY, difference: 0n };
  for (let reading = 0; reading < 10; reading++) {
    const before = process.hrtime.bigint();
    const realtime = ffi.realtimeNs();
    const after = process.hrtime.bigint();
    const apart = Number(after - before);
    if (apart < closest.apart) closest = { apart, difference: realtime - (before + after) / 2n };
  }
  return closest.difference;
}

function slice(ring: Buffer, at: bigint, length: number): Buffer {
  const start = Number(at % BigInt(ring.length));
  const rest = ring.length - start;
  return length <= rest
    ? ring.subarray(start, start + length)
    : Buffer.concat([ring.subarray(start), ring.subarray(0, length - rest)]);
}

/** struct perf_event_attr, PERF_ATTR_SIZE_VER5: every event, with its time and its fields. */
function attributesFor(id: number): Buffer {
  const TRACEPOINT = 2;
  const SAMPLE_TIME_RAW = (1n << 2n) | (1n << 10n);
  const USE_CLOCKID = 1n << 25n;
  const attributes = Buffer.alloc(112);
  attributes.writeUInt32LE(TRACEPOINT, 0);
  attributes.writeUInt32LE(attributes.length, 4);
  attributes.writeBigUInt64LE(BigInt(id), 8);
  attributes.writeBigUInt64LE(1n, 16);
  attributes.writeBigUInt64LE(SAMPLE_TIME_RAW, 24);
  attributes.writeBigUInt64LE(USE_CLOCKID, 40);
  attributes.writeInt32LE(1, 92); // CLOCK_MONOTONIC: that of the day is refused, since it is not safe in an NMI
  return attributes;
}

/** The tracepoint's number, the places of its fields and the names of its reasons, from a tracefs of our own. */
function readFormat(): Format {
  const text = readTracefs('events/skb/kfree_skb/format');
  const offset = (field: string) => Number(new RegExp(`\\b${field};\\s*offset:(\\d+);`).exec(text)?.[1] ?? Number.NaN);
  const offsets = { location: offset('location'), protocol: offset('protocol'), reason: offset('reason') };
  const id = Number(/^ID: (\d+)$/m.exec(text)?.[1]);
  if (Object.values(offsets).some(Number.isNaN) || Number.isNaN(id)) {
    throw new PontoonError(
      'feature-missing',
      'the kernel does not tell why it drops packets: it needs the reason in skb:kfree_skb (Linux 5.17)',
    );
  }
  const reasons = [...text.matchAll(/\{ (\d+), "(\w+)" \}/g)].map(
    ([, number, word]) => [Number(number), word ?? ''] as const,
  );
  return { id, offsets, reasons: new Map(reasons) };
}

function readTracefs(path: string): string {
  let mount: number;
  try {
    mount = ffi.mountDetached('tracefs');
  } catch (cause) {
    throw new PontoonError('feature-missing', 'the kernel has no tracefs, so that it cannot say why it drops packets', {
      cause,
    });
  }
  try {
    return readFileSync(`/proc/thread-self/fd/${mount}/${path}`, 'utf8');
  } catch (cause) {
    throw new PontoonError('feature-missing', 'the kernel has no tracepoint skb:kfree_skb', { cause });
  } finally {
    closeSync(mount);
  }
}

function onlineCpus(): number[] {
  const text = readFileSync('/sys/devices/system/cpu/online', 'utf8').trim();
  return text.split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, at) => first + at);
  });
}
