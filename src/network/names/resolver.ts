/**
 * @module The embedded resolver of one sandbox: what listens behind 127.0.0.11 there.
 *
 * It adopts two sockets that were bound inside the sandbox's namespace, and serves them from the engine's event loop.
 * A socket stays in the namespace in which it was opened, so this code never changes namespaces. The sockets also keep
 * that namespace alive: close the resolver when the sandbox goes.
 *
 * Messages from a container are untrusted. What is malformed gets FORMERR or nothing; connections are limited in
 * number, idle time, length of a message and unsent answers.
 */

import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram';
import { createServer, type Server, type Socket } from 'node:net';
import { answerLocally } from './answer.ts';
import type { NameDirectory } from './directory.ts';
import { Forwarder, type UpstreamStats } from './forwarder.ts';
import { FrameReader, frame } from './framing.ts';
import {
  MAX_MESSAGE_BYTES,
  NOERROR,
  parseQuery,
  type Query,
  TYPE_A,
  TYPE_AAAA,
  udpLimit,
  writeFailure,
  writeRefusal,
} from './message.ts';
import type { Upstream } from './upstream.ts';

export interface ResolverOptions {
  readonly directory: NameDirectory;
  /** Who asks: its networks decide which names it sees. */
  readonly sandboxId: string;
  /** A bound IPv4 UDP socket. The resolver owns it from now on. */
  readonly udpFd: number;
  /** A bound IPv4 TCP socket, not listening yet. The resolver owns it from now on. */
  readonly tcpFd: number;
  /** Who answers for other names, in order. None (an internal network): SERVFAIL at once. */
  readonly upstreams: readonly Upstream[];
  /**
   * False when the user set `ndots` above 0: an unknown name without a dot is then answered empty instead of forwarded,
   * so that the client goes on with its search domains. Default true, as in Docker.
   */
  readonly forwardSingleLabels?: boolean | undefined;
  /** How long one upstream server may take. Default 4000. */
  readonly timeoutMs?: number | undefined;
  /** How many queries may be under way upstream; more are REFUSED. Default 1024. */
  readonly forwardLimit?: number | undefined;
  /** Do not keep the process alive for this resolver. Default false. */
  readonly unref?: boolean | undefined;
  /** A socket of the resolver failed as a whole (never: one query). */
  readonly onError: (error: Error) => void;
}

export interface ResolverStats {
  /** Messages that came in. */
  readonly queries: number;
  /** Answered without asking anyone. */
  readonly local: number;
  /** Sent on, and answered by a server upstream. */
  readonly forwarded: number;
  /** Answered SERVFAIL or REFUSED because no server upstream answered, or too many queries were under way. */
  readonly failed: number;
  /** Messages that were no proper query. */
  readonly malformed: number;
  /** Queries under way upstream. */
  readonly inFlight: number;
  readonly upstreams: readonly Readonly<UpstreamStats>[];
}

export interface Resolver extends Disposable {
  /** Changes who answers for other names; queries under way are not disturbed. */
  setUpstreams(upstreams: readonly Upstream[], options?: { readonly forwardSingleLabels?: boolean }): void;
  stats(): ResolverStats;
  /** Closes both sockets, all connections and all queries under way. May be called twice. */
  close(): void;
}

/** A query from a container is a few dozen bytes; this leaves room for any EDNS option. */
const MAX_QUERY_BYTES = 4096;
const MAX_CONNECTIONS = 256;
const MAX_UNSENT_BYTES = 1 << 20;
/** Longer than three silent servers take, so that an answer under way is not cut off. */
const IDLE_MS = 15_000;

/** Starts to serve. @throws Error when the UDP descriptor is no UDP socket; what is wrong with the other goes to `onError` */
export function createResolver(options: ResolverOptions): Resolver {
  return new EmbeddedResolver(options);
}

class EmbeddedResolver implements Resolver {
  readonly #directory: NameDirectory;
  readonly #sandboxId: string;
  #forwardSingleLabels: boolean;
  readonly #forwarder: Forwarder;
  readonly #udp: UdpSocket;
  readonly #tcp: Server;
  readonly #connections = new Set<Socket>();
  readonly #counts = { queries: 0, local: 0, forwarded: 0, failed: 0, malformed: 0 };
  #closed = false;

  constructor(options: ResolverOptions) {
    this.#directory = options.directory;
    this.#sandboxId = options.sandboxId;
    this.#forwardSingleLabels = options.forwardSingleLabels ?? true;
    this.#forwarder = new Forwarder({
      upstreams: options.upstreams,
      timeoutMs: options.timeoutMs,
      limit: options.forwardLimit,
    });

    // Clients are IPv4 literals: a lookup that answers in the same turn spares each answer a turn of its own.
    this.#udp = createSocket({ type: 'udp4', lookup: (address, _options, callback) => callback(null, address, 4) });
    this.#udp.on('error', options.onError);
    this.#udp.on('message', (message, client) => this.#onDatagram(message, client));
    this.#udp.bind({ fd: options.udpFd });

    this.#tcp = createServer({ allowHalfOpen: true }, (connection) => this.#onConnection(connection));
    this.#tcp.maxConnections = MAX_CONNECTIONS;
    this.#tcp.on('error', options.onError);
    this.#tcp.listen({ fd: options.tcpFd });
    if (options.unref === true) {
      this.#udp.unref();
      this.#tcp.unref();
      this.#tcp.on('connection', (connection) => connection.unref());
    }
  }

  setUpstreams(upstreams: readonly Upstream[], options: { readonly forwardSingleLabels?: boolean } = {}): void {
    this.#forwarder.setUpstreams(upstreams);
    this.#forwardSingleLabels = options.forwardSingleLabels ?? this.#forwardSingleLabels;
  }

  stats(): ResolverStats {
    return { ...this.#counts, inFlight: this.#forwarder.inFlight, upstreams: this.#forwarder.upstreams };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#udp.close();
    this.#tcp.close();
    for (const connection of this.#connections) connection.destroy();
    this.#forwarder.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #onDatagram(message: Buffer, { port, address }: RemoteInfo): void {
    if (port === 0) return; // from a raw socket: nobody can be answered there, and Node.js throws when one is to be
    const answer = this.#answer(message, 'udp');
    if (answer instanceof Promise) {
      answer.then((later) => {
        if (!this.#closed) this.#udp.send(later, port, address);
      });
    } else if (answer !== undefined) {
      this.#udp.send(answer, port, address);
    }
  }

  /** Answers go out as they come, not in the order of the queries (RFC 7766 section 6.2.1.1). */
  #onConnection(connection: Socket): void {
    const reader = new FrameReader(MAX_QUERY_BYTES);
    let waiting = 0;
    let ended = false;
    const send = (answer: Buffer) => {
      if (!connection.writable) return;
      // A client that does not read its answers is not read either, and one that asks for far more is let go.
      if (!connection.write(frame(answer))) connection.pause();
      if (connection.writableLength > MAX_UNSENT_BYTES) connection.destroy();
    };
    const endWhenDone = () => {
      if (ended && waiting === 0) connection.end();
    };
    this.#connections.add(connection);
    connection.setTimeout(IDLE_MS, () => connection.destroy());
    connection.on('drain', () => connection.resume());
    // A reset by the client ends its own connection and nothing else.
    connection.on('error', () => connection.destroy());
    connection.on('close', () => this.#connections.delete(connection));
    connection.on('end', () => {
      ended = true;
      endWhenDone();
    });
    connection.on('data', (chunk: Buffer) => {
      try {
        for (const message of reader.push(chunk)) {
          if (connection.destroyed) return;
          const answer = this.#answer(message, 'tcp');
          if (answer instanceof Promise) {
            waiting++;
            answer.then((later) => {
              waiting--;
              send(later);
              endWhenDone();
            });
          } else if (answer !== undefined) {
            send(answer);
          }
        }
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        this.#counts.malformed++;
        connection.destroy();
      }
    });
  }

  /** The answer, now or later; undefined when there must be none. */
  #answer(message: Buffer, transport: 'udp' | 'tcp'): Buffer | Promise<Buffer> | undefined {
    this.#counts.queries++;
    const query = parseQuery(message);
    if (query === undefined) {
      this.#counts.malformed++;
      return undefined;
    }
    if (typeof query === 'number') {
      this.#counts.malformed++;
      return writeRefusal(message, query);
    }
    const limit = transport === 'udp' ? udpLimit(query) : MAX_MESSAGE_BYTES;
    const local = answerLocally(this.#directory, this.#sandboxId, message, query, limit);
    if (local !== undefined) {
      this.#counts.local++;
      return local;
    }
    if (!this.#forwardSingleLabels && isSingleLabel(query)) {
      this.#counts.local++;
      return writeFailure(message, query, NOERROR);
    }
    return this.#forward(message, query, transport, limit);
  }

  async #forward(message: Buffer, query: Query, transport: 'udp' | 'tcp', limit: number): Promise<Buffer> {
    const response = await this.#forwarder.forward(message, query, transport, limit);
    if (typeof response !== 'number') {
      this.#counts.forwarded++;
      return response;
    }
    this.#counts.failed++;
    return writeFailure(message, query, response);
  }
}

function isSingleLabel({ name, type }: Query): boolean {
  return (type === TYPE_A || type === TYPE_AAAA) && name !== '' && !name.includes('.');
}
