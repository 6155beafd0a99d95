/**
 * @module Answers that go on: their head is sent before their first byte is there (a client that waits for a container
 * wants to know that its waiting has begun), and they end when the client goes.
 */

import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { FastifyReply } from 'fastify';

/** Its end is the answer's end. */
export interface Answer extends Disposable {
  /** Aborted when the client has gone, or the answer is complete. */
  readonly signal: AbortSignal;
  /** Resolves when there is room for more; false when the client has gone. */
  write(data: string | Buffer): Promise<boolean>;
  /** All of a source. A client that goes ends it. @throws what the source throws */
  writeAll(source: AsyncIterable<string | Buffer>): Promise<void>;
}

/** The end of the client's connection, for what is done before anything is answered. */
export function clientGone(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  return gone.signal;
}

/** Sends the head of a 200 now. Failures from here on are up to the caller: the status has been told. */
export function openAnswer(reply: FastifyReply, contentType: string): Answer {
  const { raw } = reply;
  const signal = clientGone(reply);
  reply.hijack();
  for (const [name, value] of Object.entries(reply.getHeaders())) raw.setHeader(name, value ?? '');
  raw.writeHead(200, { 'Content-Type': contentType });
  raw.flushHeaders();
  // The end of a connection follows each of its errors, and is what matters.
  raw.on('error', () => {});
  const write = async (data: string | Buffer): Promise<boolean> => {
    if (signal.aborted) return false;
    // Rejected only when the connection has ended.
    if (!raw.write(data)) await once(raw, 'drain', { signal }).catch(() => {});
    return !signal.aborted;
  };
  return {
    signal,
    write,
    async writeAll(source) {
      for await (const data of source) {
        if (!(await write(data))) return;
      }
    },
    [Symbol.dispose]: () => void raw.end(),
  };
}

/** Answers one line of JSON for each thing that `follow` yields, until it ends or the client goes. */
export async function answerLines<T>(
  reply: FastifyReply,
  follow: (gone: AbortSignal) => AsyncIterable<T>,
  lineOf: (item: T) => string,
  contentType = 'application/json',
): Promise<void> {
  using answer = openAnswer(reply, contentType);
  for await (const item of follow(answer.signal)) {
    if (!(await answer.write(`${lineOf(item)}\n`))) return;
  }
}

/** Sends all of a stream as the answer; it is destroyed when the client goes. */
export async function sendStream(reply: FastifyReply, contentType: string, source: Readable): Promise<void> {
  const { raw } = reply;
  reply.hijack();
  for (const [name, value] of Object.entries(reply.getHeaders())) raw.setHeader(name, value ?? '');
  raw.writeHead(200, { 'Content-Type': contentType });
  const gone = clientGone(reply);
  try {
    await pipeline(source, raw as Writable);
  } catch (error) {
    if (!gone.aborted && raw.errored === null) throw error;
  }
}
