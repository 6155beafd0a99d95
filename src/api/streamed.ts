/**
 * @module Answers that go on: one line for each thing, for as long as the client listens.
 */

import { once } from 'node:events';
import type { FastifyReply } from 'fastify';

/** Streams what `follow` yields until it ends or the client has gone, which aborts the signal. */
export async function streamLines<T>(
  reply: FastifyReply,
  follow: (gone: AbortSignal) => AsyncIterable<T>,
  lineOf: (item: T) => string,
): Promise<void> {
  const { raw } = reply;
  const gone = new AbortController();
  raw.once('close', () => gone.abort());
  reply.hijack();
  for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) raw.setHeader(name, value);
  raw.writeHead(200, { 'Content-Type': 'application/json' });
  raw.flushHeaders();
  try {
    for await (const item of follow(gone.signal)) {
      if (raw.write(`${lineOf(item)}\n`) || gone.signal.aborted) continue;
      await Promise.race([once(raw, 'drain'), once(gone.signal, 'abort')]);
    }
  } finally {
    raw.end();
  }
}
