/**
 * @module A container's log, as conmon writes it: one line for each line of the process,
 * `2026-11-21T06:00:00.123456789+00:00 stdout F text`, or with P for a part whose line goes on in the next.
 *
 * What is not a whole record (a line that is just being written, the rest of a full disk) is passed over. A log that is
 * started anew while it is read (conmon, --log-size-max) is read on from the new beginning.
 */

import { watch } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { abortAfter } from './delays.ts';
import type { LogEntry, LogOptions } from './types.ts';

const BLOCK_BYTES = 64 * 1024;
const NEWLINE = 0x0a;
const SPACE = 0x20;
const PART = 'P'.charCodeAt(0);

/**
 * The entries that `options` ask for, oldest first. As Docker has it, `tail` counts lines of both streams, before
 * anything is left out.
 * @param ended for `follow`: resolves when no more will be written, rejects when the signal says that nobody waits any more
 */
export async function* readLog(
  path: string,
  options: LogOptions,
  ended: (signal: AbortSignal) => Promise<unknown> = () => Promise.resolve(),
): AsyncGenerator<LogEntry, void> {
  const { sinceNs, untilNs } = options;
  const isPast = untilNs !== undefined && untilNs <= BigInt(Date.now()) * 1_000_000n;
  const follow = options.follow === true && !isPast;
  if (options.tail === 0 && !follow) return;
  using changes = follow ? watchLog(path, ended, endOfReading(options)) : undefined;
  await using log = new LogFile(path);
  let first = true;
  for (;;) {
    const last = changes === undefined || changes.over;
    const opened = await log.open();
    if (opened && first && options.tail !== undefined) await log.skipToTail(options.tail);
    first = first && !opened;
    for await (const entry of log.entries()) {
      if (changes?.aborted) return;
      if (untilNs !== undefined && entry.timeNs > untilNs) return;
      if (sinceNs !== undefined && entry.timeNs < sinceNs) continue;
      if (isWanted(entry, options)) yield entry;
    }
    if (await log.replaced()) continue;
    if (last || changes.aborted) return;
    await changes.next();
  }
}

function isWanted({ stream }: LogEntry, { stdout, stderr }: LogOptions): boolean {
  return stream === 'stdout' ? stdout !== false : stderr !== false;
}

/** When a follower goes: by its signal, or because the time is up. */
function endOfReading({ signal, untilNs }: LogOptions): AbortSignal | undefined {
  if (untilNs === undefined) return signal;
  const timeout = abortAfter(Number(untilNs / 1_000_000n) - Date.now());
  return signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
}

/** One file, read from where we are. */
class LogFile implements AsyncDisposable {
  readonly #path: string;
  #file: FileHandle | undefined;
  #position = 0;

  constructor(path: string) {
    this.#path = path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }

  /** False while there is no log: conmon makes it when the container starts. */
  async open(): Promise<boolean> {
    this.#file ??= await open(this.#path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    return this.#file !== undefined;
  }

  /** True when another file is at the path now, or this one has been cut: reading begins anew there. */
  async replaced(): Promise<boolean> {
    if (this.#file === undefined) return false;
    const [mine, current] = await Promise.all([
      this.#file.stat(),
      stat(this.#path).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined; // removed with its container, or between two files
        throw error;
      }),
    ]);
    if (current === undefined || (current.ino === mine.ino && mine.size >= this.#position)) return false;
    await this[Symbol.asyncDispose]();
    this.#position = 0;
    return true;
  }

  /** The whole records from here to the end. */
  async *entries(): AsyncGenerator<LogEntry, void> {
    if (this.#file === undefined) return;
    let rest: Buffer = Buffer.alloc(0);
    for (;;) {
      const block = await readBlock(this.#file, this.#position + rest.length, BLOCK_BYTES);
      if (block.length === 0) return;
      const bytes = rest.length === 0 ? block : Buffer.concat([rest, block]);
      let start = 0;
      for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
        const entry = parseLogLine(bytes.subarray(start, end + 1));
        start = end + 1;
        if (entry !== undefined) yield entry;
      }
      this.#position += start;
      rest = bytes.subarray(start);
    }
  }

  /** Goes to where the last so many lines begin, reading from the end. */
  async skipToTail(lines: number): Promise<void> {
    if (this.#file === undefined) return;
    const { size } = await this.#file.stat();
    this.#position = await findTail(this.#file, size, lines);
  }
}

async function findTail(file: FileHandle, size: number, lines: number): Promise<number> {
  let position = size;
  let rest: Buffer = Buffer.alloc(0);
  let seen = 0;
  let atEnd = true;
  while (position > 0) {
    const length = Math.min(BLOCK_BYTES, position);
    position -= length;
    const bytes = Buffer.concat([await readBlock(file, position, length), rest]);
    let end = bytes.length;
    for (;;) {
      const before = end < 2 ? -1 : bytes.lastIndexOf(NEWLINE, end - 2);
      if (before < 0 && position > 0) break; // the line begins in an earlier block
      const line = bytes.subarray(before + 1, end);
      // A line ends with its F part; at the very end of the log, parts without an F are a line too.
      if (line.at(-1) === NEWLINE && (atEnd || !isPart(line))) {
        if (seen === lines) return position + end;
        seen++;
        atEnd = false;
      }
      end = before + 1;
      if (end === 0) break;
    }
    rest = bytes.subarray(0, end);
  }
  return 0;
}

async function readBlock(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}

/** One line with its line end; undefined where it is no record. */
export function parseLogLine(line: Buffer): LogEntry | undefined {
  const afterTime = line.indexOf(SPACE);
  const afterStream = line.indexOf(SPACE, afterTime + 1);
  if (afterTime < 0 || afterStream < 0 || line[afterStream + 2] !== SPACE) return undefined;
  const stream = line.toString('latin1', afterTime + 1, afterStream);
  const timeNs = parseTime(line.toString('latin1', 0, afterTime));
  if (timeNs === undefined || (stream !== 'stdout' && stream !== 'stderr')) return undefined;
  const part = line[afterStream + 1] === PART;
  return { timeNs, stream, data: line.subarray(afterStream + 3, part ? -1 : undefined) };
}

function isPart(line: Buffer): boolean {
  const afterStream = line.indexOf(SPACE, line.indexOf(SPACE) + 1);
  return line[afterStream + 1] === PART;
}

/** The second that was parsed last: lines come in bursts. */
let second = { text: '', ns: 0n };

/** '2026-11-21T06:00:00.123456789+00:00' in nanoseconds since 1970. */
function parseTime(text: string): bigint | undefined {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{9})(Z|[+-]\d\d:\d\d)$/.exec(text);
  if (match === null) return undefined;
  const [, time = '', fraction = '', zone = ''] = match;
  if (second.text !== time + zone) {
    const ms = Date.parse(time + zone);
    if (Number.isNaN(ms)) return undefined;
    second = { text: time + zone, ns: BigInt(ms) * 1_000_000n };
  }
  return second.ns + BigInt(fraction);
}

interface Changes extends Disposable {
  /** Nothing more will be written. */
  readonly over: boolean;
  /** The reader is to stop. */
  readonly aborted: boolean;
  /** Resolves when there is something to look at: a change since the last call, or an end. */
  next(): Promise<void>;
}

/** Watches the directory, because the file may be replaced, or not be there yet. */
function watchLog(
  path: string,
  ended: (signal: AbortSignal) => Promise<unknown>,
  signal: AbortSignal | undefined,
): Changes {
  const name = basename(path);
  let over = false;
  let changed = Promise.withResolvers<void>();
  const wake = () => changed.resolve();
  const watcher = watch(dirname(path), (_, changedName) => {
    if (changedName === null || changedName === name) wake();
  });
  watcher.on('error', wake);
  const end = () => {
    over = true;
    wake();
  };
  const left = new AbortController();
  ended(left.signal).then(end, end);
  signal?.addEventListener('abort', wake);
  return {
    get over() {
      return over;
    },
    get aborted() {
      return signal?.aborted === true;
    },
    next: async () => {
      await changed.promise;
      changed = Promise.withResolvers(); // what changes from here on wakes the next call
    },
    [Symbol.dispose]: () => {
      watcher.close();
      left.abort();
      signal?.removeEventListener('abort', wake);
    },
  };
}
