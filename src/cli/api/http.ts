/**
 * @module HTTP/1.1 over the daemon's socket, or TLS. Connections are kept for the next request of the same command.
 *
 * node:http comes by getBuiltinModule: importing it costs 20 ms more, for its exports are then wrapped one by one.
 */

import type * as Http from 'node:http';
import type { Readable } from 'node:stream';
import { PontoonError } from '../../errors.ts';
import type { Host } from './host.ts';
import { ConnectionLost, type Reply, type Request, type Transport, Unreachable } from './transport.ts';

export function httpTransport(host: Host): Transport {
  const isUnix = 'socketPath' in host;
  const http: Pick<typeof Http, 'Agent' | 'request'> = isUnix
    ? process.getBuiltinModule('node:http')
    : process.getBuiltinModule('node:https');
  const agent = new http.Agent({ keepAlive: true });

  /** Sends a request; the caller listens for the outcome that it expects. */
  function start(request: Request, headers: Readonly<Record<string, string>>): Http.ClientRequest {
    const { name: _, ...where } = host;
    const { method, path, body, signal } = request;
    const outgoing = http.request({
      ...where,
      agent,
      method,
      path,
      headers: { host: isUnix ? 'pontoon' : host.host, ...request.headers, ...headers },
      ...(signal && { signal }),
    });
    if (body === undefined || typeof body === 'string') outgoing.end(body);
    else pour(body, outgoing);
    return outgoing;
  }

  return {
    send: (request) =>
      new Promise((resolve, reject) => {
        start(request, {})
          .once('response', (incoming) => resolve(replyOf(incoming)))
          .once('error', (error) => reject(explain(error, host.name)));
      }),
    hijack: (request) =>
      new Promise((resolve, reject) => {
        start(request, { connection: 'Upgrade', upgrade: 'tcp' })
          .once('upgrade', (_incoming, socket, head) => {
            if (head.length > 0) socket.unshift(head);
            resolve({ stream: socket });
          })
          .once('response', (incoming) => resolve(replyOf(incoming)))
          .once('error', (error) => reject(explain(error, host.name)));
      }),
    close: async () => agent.destroy(),
  };
}

/** A body that fails takes its request with it; the daemon may have answered by then. */
function pour(body: Readable, outgoing: Http.ClientRequest): void {
  body.once('error', (error) => outgoing.destroy(error));
  body.pipe(outgoing);
}

function replyOf(incoming: Http.IncomingMessage): Reply {
  return { status: incoming.statusCode ?? 0, headers: incoming.headers, body: incoming };
}

function explain(error: NodeJS.ErrnoException, host: string): Error {
  switch (error.code) {
    case 'ENOENT':
    case 'ECONNREFUSED':
    case 'ENOTDIR':
      return new Unreachable(
        `no daemon answers at ${host}: start one with 'systemctl start pontoon' or 'pontoon daemon'`,
      );
    case 'EACCES':
      return new PontoonError(
        'no-privilege',
        `not allowed to talk to ${host}: run it as root, or join the group pontoon`,
      );
    case 'ECONNRESET':
    case 'EPIPE':
      return new ConnectionLost(`the daemon at ${host} closed the connection before it had answered`);
    default:
      return error;
  }
}
