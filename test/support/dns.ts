/**
 * @module Name servers and questions for the engine's tests, in any namespace.
 */

import { createSocket } from 'node:dgram';
import { createServer, Socket } from 'node:net';
import { decode, encode, type RecordType } from 'dns-packet';
import { openBoundSocket, openOutgoingSocket } from '../../src/kernel/inet-socket.ts';
import { FrameReader, frame } from '../../src/network/names/framing.ts';
import { inside, type Place } from './lab.ts';

const RESOLVER = '127.0.0.11';
const PORT = 53;
const RECURSION_DESIRED = 0x0100;
const LARGEST_BYTES = 65_535;

/** What a name server said: the RCODE and the data of its answers; undefined when it said nothing. */
export interface Said {
  readonly rcode: string;
  readonly data: readonly string[];
}

/** Asks a sandbox's resolver, or another server, over UDP or TCP. @throws Error when a TCP connection is refused or ends */
export async function ask(
  place: Place,
  name: string,
  type: RecordType = 'A',
  options: { protocol?: 'udp' | 'tcp'; server?: string; limitMs?: number } = {},
): Promise<Said | undefined> {
  const { protocol = 'udp', server = RESOLVER, limitMs = 10_000 } = options;
  const question = encode({ type: 'query', id: 7, flags: RECURSION_DESIRED, questions: [{ name, type }] });
  const exchange = protocol === 'udp' ? askOverUdp : askOverTcp;
  const message = await exchange(place, server, question, limitMs);
  if (message === undefined) return undefined;
  const { rcode, answers = [] } = decode(message) as ReturnType<typeof decode> & { rcode: string };
  return { rcode, data: answers.map((answer) => String((answer as { data: unknown }).data)) };
}

function askOverUdp(place: Place, server: string, question: Buffer, limitMs: number): Promise<Buffer | undefined> {
  const { promise, resolve } = Promise.withResolvers<Buffer | undefined>();
  const socket = createSocket('udp4');
  socket.bind({ fd: inside(place, () => openBoundSocket('udp', '0.0.0.0', 0)) });
  const limit = setTimeout(() => resolve(undefined), limitMs);
  socket.on('message', resolve);
  socket.send(question, PORT, server);
  return promise.finally(() => {
    clearTimeout(limit);
    socket.close();
  });
}

function askOverTcp(place: Place, server: string, question: Buffer, limitMs: number): Promise<Buffer | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer | undefined>();
  const reader = new FrameReader(LARGEST_BYTES);
  const connection = new Socket({ fd: inside(place, () => openOutgoingSocket('tcp', server, PORT)) });
  const limit = setTimeout(() => resolve(undefined), limitMs);
  connection.on('error', reject);
  connection.on('end', () => reject(new Error('the name server ended the connection without an answer')));
  connection.on('data', (chunk: Buffer) => {
    for (const message of reader.push(chunk)) resolve(message);
  });
  connection.write(frame(question));
  return promise.finally(() => {
    clearTimeout(limit);
    connection.destroy();
  });
}

export interface NameServer extends Disposable {
  /** The names that were asked for, in order. */
  readonly asked: string[];
}

/** Starts a name server that gives every name one address, or 'SERVFAIL', over UDP and TCP. */
export function serveNames(place: Place, address: string, answer: string): NameServer {
  const asked: string[] = [];
  const respond = (message: Buffer): Buffer => {
    const { id = 0, questions = [] } = decode(message);
    const name = questions[0]?.name ?? '';
    asked.push(name);
    const failed = answer === 'SERVFAIL';
    return encode({
      type: 'response',
      id,
      flags: failed ? 2 : 0,
      questions,
      answers: failed ? [] : [{ type: 'A', name, ttl: 60, data: answer }],
    });
  };
  const [udpFd, tcpFd] = inside(place, () => [
    openBoundSocket('udp', address, PORT),
    openBoundSocket('tcp', address, PORT),
  ]) as [number, number];
  const udp = createSocket('udp4');
  udp.on('message', (message, client) => udp.send(respond(message), client.port, client.address));
  udp.bind({ fd: udpFd });
  const connections = new Set<Socket>();
  const tcp = createServer((connection) => {
    connections.add(connection);
    const reader = new FrameReader(LARGEST_BYTES);
    connection.on('error', () => connections.delete(connection));
    connection.on('data', (chunk: Buffer) => {
      for (const message of reader.push(chunk)) connection.write(frame(respond(message)));
    });
  });
  tcp.listen({ fd: tcpFd });
  return {
    asked,
    [Symbol.dispose]() {
      udp.close();
      tcp.close();
      for (const connection of connections) connection.destroy();
    },
  };
}
