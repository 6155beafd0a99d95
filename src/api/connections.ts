/**
 * @module How connections reach the API: the daemon accepts sockets and hands them to `serveConnection`, which looks at
 * the first request before Node's HTTP parser does.
 *
 * An old client that is about to hijack (attach, exec start) sends no `Upgrade` header, and then bytes that are no HTTP:
 * the parser would end its connection. Such a request gets the headers here, so that the parser stops after its head.
 * Limit: only the first request of a connection is looked at; clients hijack on a fresh one.
 */

import { type IncomingMessage, type Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { rememberUpgrade } from './hijack.ts';

const HIJACKING = /^POST [^ ]*\/(?:containers\/[^/ ]+\/attach|exec\/[^/ ]+\/start)(?:\?[^ ]*)? HTTP\/1\.[01]\r\n/;
const HEAD_END = '\r\n\r\n';
const LONGEST_HEAD = 64 * 1024;

/** Connections whose client did not ask for what it gets. */
const unasked = new WeakSet<object>();
/** How many requests are being answered on a connection. */
const answering = new WeakMap<object, number>();

/** Whether nothing is being answered on a connection, so that nobody misses it. */
export function isIdle(socket: Socket): boolean {
  return (answering.get(socket) ?? 0) === 0;
}

/** Serves HTTP on a connection (allowHalfOpen) that the caller has accepted. */
export function serveConnection(app: FastifyInstance, socket: Socket): void {
  const server = app.server as Server;
  let seen: Buffer = Buffer.alloc(0);
  const forget = (): void => {
    socket.off('readable', look);
    socket.off('end', hangUp);
    socket.off('error', ignore);
  };
  const hangUp = (): void => {
    socket.end();
  };
  const look = (): void => {
    const chunk: Buffer | null = socket.read();
    if (chunk === null) return;
    seen = Buffer.concat([seen, chunk]);
    const rewritten = rewrite(seen, socket);
    if (rewritten === undefined) return;
    forget();
    socket.unshift(rewritten);
    server.emit('connection', socket);
  };
  socket.on('readable', look);
  socket.once('end', hangUp);
  socket.on('error', ignore);
}

/** What the parser is to see; undefined until enough is there to tell. */
function rewrite(seen: Buffer, socket: Socket): Buffer | undefined {
  const text = seen.toString('latin1');
  const decided = text.includes('\r\n') || !'POST '.startsWith(text.slice(0, 5)) || seen.length > LONGEST_HEAD;
  if (!decided) return undefined;
  if (!HIJACKING.test(text)) return seen;
  const end = text.indexOf(HEAD_END);
  if (end < 0) return seen.length > LONGEST_HEAD ? seen : undefined;
  const head = text.slice(0, end);
  if (/\r\nupgrade:/i.test(head)) return seen;
  unasked.add(socket);
  const lines = head.split('\r\n').filter((line) => !/^connection:/i.test(line));
  return Buffer.concat([
    Buffer.from(`${[...lines, 'Connection: Upgrade', 'Upgrade: tcp'].join('\r\n')}${HEAD_END}`, 'latin1'),
    seen.subarray(end + HEAD_END.length),
  ]);
}

function count(socket: object, change: 1 | -1): void {
  answering.set(socket, (answering.get(socket) ?? 0) + change);
}

/**
 * Routes requests that upgrade like all others: their handlers answer, or hijack. The parser leaves their body, which
 * Content-Length measures, to us.
 */
export function routeUpgrades(app: FastifyInstance): void {
  app.server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    count(socket, 1);
    response.once('close', () => count(socket, -1));
  });
  app.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', ignore);
    count(socket, 1); // for good: it ends with what it became
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket as Socket);
    response.once('finish', () => socket.resume().end());
    const length = Number(request.headers['content-length'] ?? 0);
    readBody(socket, head, length).then(
      ({ body, rest }) => {
        rememberUpgrade(request, { socket, response, body, rest, asked: !unasked.has(socket) });
        app.routing(request, response);
      },
      () => socket.destroy(),
    );
  });
}

async function readBody(socket: Duplex, head: Buffer, length: number): Promise<{ body: Buffer; rest: Buffer }> {
  let read = head;
  while (read.length < length) {
    if (length > LONGEST_HEAD) throw new RangeError('too long');
    read = Buffer.concat([read, await nextChunk(socket)]);
  }
  return { body: read.subarray(0, length), rest: read.subarray(length) };
}

function nextChunk(socket: Duplex): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const read = (): void => {
    const chunk: Buffer | null = socket.read();
    if (chunk === null) return;
    socket.off('readable', read).off('close', reject).off('end', reject);
    resolve(chunk);
  };
  socket.on('readable', read).once('close', reject).once('end', reject);
  return promise;
}

/** The end of a connection follows each of its errors, and is what matters. */
function ignore(): void {}
