/**
 * @module Takes the two streams of a process without a terminal apart. Each frame has a header of 8 bytes: the stream
 * (1 stdout, 2 stderr), three zeros, and the length, big-endian.
 */

import type { Readable, Writable } from 'node:stream';

const HEADER = 8;
const STDERR = 2;

/** Ends when the source does. A frame is written in the parts that it comes in. */
export async function demultiplex(source: Readable, stdout: Writable, stderr: Writable): Promise<void> {
  let held: Buffer = Buffer.alloc(0);
  let left = 0;
  let target = stdout;
  for await (const chunk of source as AsyncIterable<Buffer>) {
    let rest = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    while (rest.length > 0) {
      if (left === 0) {
        if (rest.length < HEADER) break;
        target = rest[0] === STDERR ? stderr : stdout;
        left = rest.readUInt32BE(4);
        rest = rest.subarray(HEADER);
        continue;
      }
      const part = rest.subarray(0, left);
      await write(target, part);
      left -= part.length;
      rest = rest.subarray(part.length);
    }
    held = rest;
  }
}

/** Passes everything on, and waits while the target is slow. */
export async function pass(source: Readable, target: Writable): Promise<void> {
  for await (const chunk of source as AsyncIterable<Buffer>) await write(target, chunk);
}

function write(target: Writable, data: Uint8Array): Promise<void> | undefined {
  if (target.write(data)) return undefined;
  return new Promise((resolve) => target.once('drain', resolve));
}
