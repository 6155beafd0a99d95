/**
 * @module One question to one server upstream, over UDP or TCP.
 *
 * Each query has a socket of its own, so a source port of the kernel's random choice, and the socket is connected, so
 * the kernel drops what comes from another address and reports a closed port at once. With the random ID of the
 * forwarder and the question compared, that is what RFC 5452 asks of a resolver against forged answers.
 */

import { createSocket } from 'node:dgram';
import { isIPv6, Socket } from 'node:net';
import { FrameReader, frame } from './framing.ts';
import { isResponseTo, MAX_MESSAGE_BYTES } from './message.ts';

/** A name server, and from where to ask it. */
export interface Upstream {
  readonly address: string;
  /** Default 53. */
  readonly port?: number;
  /** Opens the sockets that reach it. Default: sockets in the namespace that the engine runs in. */
  readonly openSocket?: OpenSocket;
}

/**
 * Opens a non-blocking socket, inside a sandbox for instance, and returns its descriptor, which the caller then owns.
 * 'udp': a datagram socket of the address's family. 'tcp': a stream socket on which connect(2) has been called and has
 * succeeded or is in progress. It must be synchronous, and may throw: the server then counts as out of reach.
 */
export type OpenSocket = (kind: 'udp' | 'tcp', address: string, port: number) => number;

/** A query as it goes upstream. */
export interface Exchange {
  readonly message: Buffer;
  /** Where the question of `message` ends. */
  readonly questionEnd: number;
  readonly timeoutMs: number;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

const DNS_PORT = 53;

/** Asks over UDP. Forged and stray messages are passed over. Rejects when the server cannot be reached or is silent. */
export function askOverUdp(upstream: Upstream, exchange: Exchange): Promise<Buffer> {
  const { address, port = DNS_PORT, openSocket } = upstream;
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const socket = createSocket({ type: isIPv6(address) ? 'udp6' : 'udp4', lookup: literal });
  const release = giveUp(exchange, upstream, reject);
  socket.on('error', reject);
  socket.on('message', (response) => {
    if (isResponseTo(exchange.message, exchange.questionEnd, response)) resolve(response);
  });
  const send = () => socket.send(exchange.message);
  socket.on('connect', send);
  try {
    if (openSocket !== undefined) socket.bind({ fd: openSocket('udp', address, port) });
    socket.connect(port, address);
  } catch (error) {
    reject(error);
  }
  return promise.finally(() => {
    release();
    socket.off('connect', send);
    socket.close();
  });
}

/** Asks over TCP, one query per connection. Rejects when the server cannot be reached, is silent or answers nonsense. */
export function askOverTcp(upstream: Upstream, exchange: Exchange): Promise<Buffer> {
  const { address, port = DNS_PORT, openSocket } = upstream;
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const release = giveUp(exchange, upstream, reject);
  let socket: Socket;
  try {
    socket = openSocket === undefined ? new Socket() : new Socket({ fd: openSocket('tcp', address, port) });
  } catch (error) {
    release();
    return Promise.reject(error);
  }
  const reader = new FrameReader(MAX_MESSAGE_BYTES);
  socket.on('error', reject);
  socket.on('close', () => reject(new Error(`${address} closed the connection without an answer`)));
  socket.on('data', (chunk: Buffer) => {
    for (const response of reader.push(chunk)) {
      if (isResponseTo(exchange.message, exchange.questionEnd, response)) resolve(response);
      else reject(new Error(`${address} answered another question`));
    }
  });
  if (openSocket === undefined) socket.connect({ port, host: address });
  socket.write(frame(exchange.message));
  return promise.finally(() => {
    release();
    socket.destroy();
  });
}

/** Rejects when the time is over or the answer is not wanted any more; returns what ends the watch. */
function giveUp({ timeoutMs, signal }: Exchange, { address }: Upstream, reject: (error: Error) => void): () => void {
  const timer = setTimeout(() => reject(new Error(`${address} did not answer in ${timeoutMs} ms`)), timeoutMs);
  const abort = () => reject(signal.reason);
  signal.addEventListener('abort', abort);
  if (signal.aborted) abort();
  return () => {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  };
}

/** dgram looks every address up; a literal address is its own answer, in the same turn. */
function literal(
  address: string,
  _options: unknown,
  callback: (error: null, address: string, family: number) => void,
): void {
  callback(null, address, isIPv6(address) ? 6 : 4);
}
