/**
 * @module The sockets that clients connect to: a unix socket for root and one group, TCP for clients with a
 * certificate, and those that the service manager hands over. Each connection goes to `serve`.
 */

import { once } from 'node:events';
import { chownSync, existsSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { PontoonError } from '../errors.ts';
import { hasHungUp } from '../kernel/hang-up.ts';
import type { Host } from './hosts.ts';
import type { InheritedSocket } from './service.ts';

const DEFAULT_GROUP = 'pontoon';
const PEER_CHECK_MS = 1000;
/** Owner and group may read and write. */
const UNIX_UMASK = 0o117;

/** As net.createServer: what a client half-closes stays open the other way. */
const OPTIONS = { allowHalfOpen: true, noDelay: true };

export interface ListenOptions {
  readonly hosts: readonly Host[];
  readonly group: string | undefined;
  readonly inherited: readonly InheritedSocket[];
  readonly serve: (socket: Socket) => void;
  readonly warn: (message: string) => void;
}

/** Listeners and their connections. */
export class Listeners implements Disposable {
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #paths: string[] = [];
  readonly #serve: ListenOptions['serve'];
  readonly #warn: ListenOptions['warn'];

  private constructor({ serve, warn }: ListenOptions) {
    this.#serve = serve;
    this.#warn = warn;
  }

  /** Resolves when all listen. @throws PontoonError bad-value, engine-busy; system errors */
  static async open(options: ListenOptions): Promise<Listeners> {
    using opening = new DisposableStack();
    const listeners = opening.use(new Listeners(options));
    for (const host of options.hosts) await listeners.#open(host, options);
    opening.move();
    return listeners;
  }

  /** No new connections. */
  stopListening(): void {
    for (const server of this.#servers.splice(0)) server.close();
    for (const path of this.#paths.splice(0)) rmSync(path, { force: true });
  }

  /** Ends idle connections, and the others when nothing is answered on them any more or `deadline` has come. */
  async drain(isIdle: (socket: Socket) => boolean, deadline: AbortSignal): Promise<void> {
    for (const socket of this.#sockets) if (isIdle(socket)) socket.destroy();
    const over = deadline.aborted ? Promise.resolve() : once(deadline, 'abort');
    while (this.#sockets.size > 0 && !deadline.aborted) {
      const [socket] = this.#sockets;
      await Promise.race([once(socket!, 'close'), over]);
    }
    for (const socket of this.#sockets) socket.destroy();
  }

  [Symbol.dispose](): void {
    this.stopListening();
    for (const socket of this.#sockets) socket.destroy();
  }

  async #open(host: Host, { group, inherited }: ListenOptions): Promise<void> {
    switch (host.kind) {
      case 'unix':
        return this.#openUnix(host.path, group);
      case 'tcp': {
        const [ca, cert, key] = [host.tls.ca, host.tls.cert, host.tls.key].map((path) => readFileSync(path));
        const server = createTlsServer(
          { ...OPTIONS, ca: ca!, cert: cert!, key: key!, requestCert: true, rejectUnauthorized: true },
          (socket) => this.#accept(socket),
        );
        // A client that fails to show a certificate: its connection ends, ours is not touched.
        server.on('tlsClientError', (_error, socket) => socket.destroy());
        return this.#listen(server, { host: host.address, port: host.port });
      }
      case 'inherited': {
        const wanted = inherited.filter(({ fd, name }) => ['', name, String(fd)].includes(host.name));
        if (wanted.length === 0) {
          throw new PontoonError(
            'bad-value',
            `cannot listen on 'fd://${host.name}': the service manager gave no such socket; start pontoon.socket`,
            { subject: host.name },
          );
        }
        for (const { fd } of wanted) await this.#listen(this.#server(), { fd });
        return;
      }
    }
  }

  async #openUnix(path: string, group: string | undefined): Promise<void> {
    mkdirSync(dirname(path), { recursive: true });
    await removeStale(path);
    const server = this.#server();
    // bind(2) happens before `listen` returns.
    const umask = process.umask(UNIX_UMASK);
    const listening = this.#listen(server, { path });
    process.umask(umask);
    await listening;
    this.#paths.push(path);
    const gid = groupId(group ?? DEFAULT_GROUP);
    if (gid !== undefined) chownSync(path, 0, gid);
    else if (group === undefined) this.#warn(`there is no group ${DEFAULT_GROUP}: only root can use ${path}`);
    else
      throw new PontoonError('bad-value', `there is no group '${group}': add it, or give another --group`, {
        subject: group,
      });
  }

  #server(): Server {
    return createServer(OPTIONS, (socket) => this.#accept(socket));
  }

  async #listen(
    server: Server,
    where: { path: string } | { fd: number } | { host: string; port: number },
  ): Promise<void> {
    const listening = once(server, 'listening');
    server.listen(where);
    await listening;
    // One connection that could not be accepted is no reason to end.
    server.on('error', (error) => this.#warn(error.message));
    this.#servers.push(server);
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    socket.once('end', () => endWithPeer(socket));
    this.#serve(socket);
  }
}

/**
 * Ends a connection whose client says no more as soon as the client is gone. Half-closed, it may listen for long; and
 * while nothing is said to it, nobody would notice that it has left.
 */
function endWithPeer(socket: Socket): void {
  // Node.js shows the descriptor here only. TLS has none of its own; a TCP client's next answer finds it gone.
  const { fd } = (socket as unknown as { _handle?: { fd?: number } })._handle ?? {};
  if (fd === undefined || fd < 0) return;
  const timer = setInterval(() => {
    if (hasHungUp(fd)) socket.destroy();
  }, PEER_CHECK_MS);
  timer.unref();
  socket.once('close', () => clearInterval(timer));
}

/** A socket file that nobody listens on is what a killed daemon left. @throws PontoonError engine-busy, bad-value */
async function removeStale(path: string): Promise<void> {
  if (!existsSync(path)) return;
  if (!statSync(path).isSocket()) {
    throw new PontoonError('bad-value', `cannot listen on ${path}: it is there, and no socket; remove it`, {
      subject: path,
    });
  }
  const probe = connect(path);
  try {
    await once(probe, 'connect');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED') throw error;
    rmSync(path);
    return;
  } finally {
    probe.destroy();
  }
  throw new PontoonError('engine-busy', `another daemon listens on ${path}: stop it, or give another --host`, {
    subject: path,
  });
}

/** group(5): name:password:number:members. */
function groupId(group: string): number | undefined {
  if (/^\d+$/.test(group)) return Number(group);
  const line = readFileSync('/etc/group', 'utf8')
    .split('\n')
    .find((candidate) => candidate.startsWith(`${group}:`));
  return line === undefined ? undefined : Number(line.split(':')[2]);
}
