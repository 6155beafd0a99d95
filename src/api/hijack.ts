/**
 * @module Hijacked connections: attach, exec and the like take the client's connection over for raw bytes both ways.
 *
 * New clients send `Upgrade: tcp` and get 101; old ones do not, and get 200 with the same stream behind it (see
 * connections.ts, which adds the headers for them). Without a terminal, output is framed: one byte for the stream,
 * three zeros, four bytes of length, big-endian (Engine API, "Attach to a container").
 */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { Duplex, PassThrough, type Readable, Transform, type Writable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Attachment } from '../container/types.ts';
import { detachFilter } from './detach-keys.ts';

export const RAW_STREAM = 'application/vnd.docker.raw-stream';
export const MULTIPLEXED_STREAM = 'application/vnd.docker.multiplexed-stream';

/** The first version whose clients know the content type of framed streams. */
const MULTIPLEXED_MINOR = 42;

/** A connection on its way from HTTP to raw bytes. */
export interface Upgrade {
  readonly socket: Duplex;
  readonly response: ServerResponse;
  /** The request's body, which came after its head. */
  readonly body: Buffer;
  /** What the client sent after the body already. */
  readonly rest: Buffer;
  /** The client asked for it; otherwise it only expects it. */
  readonly asked: boolean;
}

const upgrades = new WeakMap<IncomingMessage, Upgrade>();

export function rememberUpgrade(request: IncomingMessage, upgrade: Upgrade): void {
  upgrades.set(request, upgrade);
}

export function upgradeOf(request: IncomingMessage): Upgrade | undefined {
  return upgrades.get(request);
}

/** The content type of a process's output for a client. */
export function streamType(request: FastifyRequest, terminal: boolean): string {
  return terminal || request.apiMinor < MULTIPLEXED_MINOR ? RAW_STREAM : MULTIPLEXED_STREAM;
}

/**
 * Answers 101 (or 200, where the client did not ask), and hands the connection over. Half-closing works both ways.
 * A client whose connection cannot be taken over (a later request on an old one) gets a plain streamed answer: what it
 * reads is the same, and all that it can send is the rest of its request.
 */
export function hijack(request: FastifyRequest, reply: FastifyReply, contentType: string): Duplex {
  reply.hijack();
  const upgrade = upgradeOf(request.raw);
  if (upgrade === undefined) return streamedAnswer(request, reply, contentType);
  const { socket, response, rest, asked } = upgrade;
  response.detachSocket(socket as Parameters<ServerResponse['detachSocket']>[0]);
  const lines = asked
    ? ['HTTP/1.1 101 UPGRADED', `Content-Type: ${contentType}`, 'Connection: Upgrade', 'Upgrade: tcp']
    : ['HTTP/1.1 200 OK', `Content-Type: ${contentType}`];
  for (const [name, value] of Object.entries(reply.getHeaders())) lines.push(`${name}: ${value}`);
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  if (rest.length > 0) socket.unshift(rest);
  return socket;
}

/** One frame of a process's output. */
export function frame(stream: 'stdin' | 'stdout' | 'stderr', data: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head[0] = { stdin: 0, stdout: 1, stderr: 2 }[stream];
  head.writeUInt32BE(data.length, 4);
  return Buffer.concat([head, data]);
}

/**
 * Joins a client and a process until the streams that the client asked for have ended, or the client has gone or typed
 * the keys that leave a terminal: then it is true. The end of what the client sends is the end of the attachment's
 * standard input.
 */
export async function joinStreams(
  client: Duplex,
  attachment: Attachment,
  options: { readonly terminal: boolean; readonly detachKeys: Uint8Array },
): Promise<boolean> {
  await using _attachment = attachment;
  const { stdin, stdout, stderr } = attachment;
  const gone = new AbortController();
  client.once('close', () => gone.abort());
  if (client.destroyed) gone.abort();
  let isDetached = false;
  const leaving = detachFilter(options.detachKeys, () => {
    isDetached = true;
    gone.abort();
  });
  const said = options.terminal && stdin !== undefined ? client.pipe(leaving) : client;
  const until = { end: false, signal: gone.signal };
  const outputs = options.terminal
    ? [pipeline(stdout, client, until)]
    : [pipeline(stdout, framing('stdout'), client, until), pipeline(stderr, framing('stderr'), client, until)];
  try {
    await Promise.all([...outputs, feed(said, stdin, gone.signal)]);
  } catch (error) {
    // The client has gone: that is how most attachments end. Its end follows its error.
    if (!gone.signal.aborted && client.errored === null) throw error;
  } finally {
    client.end();
  }
  return isDetached;
}

/** Resolves when the process takes no more. It may have output for the client still: `pipeline` would end both. */
async function feed(said: Readable, stdin: Writable | undefined, gone: AbortSignal): Promise<void> {
  if (stdin === undefined) {
    said.resume();
    return;
  }
  said.pipe(stdin);
  await finished(stdin, { signal: gone }).catch(() => stdin.destroy()); // it reads no more, or the client has gone
  said.unpipe(stdin).resume();
}

/** A stream, and no generator: one that waits for a silent process could not be ended. */
function framing(stream: 'stdout' | 'stderr'): Transform {
  return new Transform({ transform: (data: Buffer, _encoding, done) => done(null, frame(stream, data)) });
}

function streamedAnswer(request: FastifyRequest, reply: FastifyReply, contentType: string): Duplex {
  const response = reply.raw;
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value !== undefined) response.setHeader(name, value);
  }
  response.setHeader('Content-Type', contentType);
  response.writeHead(200);
  response.flushHeaders();
  // As on a connection that is taken over: the end of its body is not the end of what the client has to say.
  const said = request.raw.pipe(new PassThrough(), { end: false });
  response.once('close', () => said.end());
  return Duplex.from({ readable: said, writable: response }).on('error', () => {}); // its end follows
}
