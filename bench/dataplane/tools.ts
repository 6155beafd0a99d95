/**
 * @module The data-plane tools as functions: each resolves with the one number that its program prints.
 */

import { compile } from '../lib/compile.ts';
import { run } from '../lib/exec.ts';

/** Two ends of a path: the server's namespace and address, and the client's namespace. */
export interface Ends {
  readonly server: string;
  readonly client: string;
  readonly address: string;
}

const SECONDS = '2';

async function measure<Key extends string>(tool: string, key: Key, args: readonly string[]): Promise<number> {
  const program = await compile(`dataplane/${tool}.c`);
  return (JSON.parse(await run(program, args)) as Record<Key, number>)[key];
}

const place = ({ server, client, address }: Ends): string[] => [server, client, address, SECONDS];

/** UDP packets of 64 bytes per second. */
export function udpRate(ends: Ends): Promise<number> {
  return measure('udp_rate', 'packetsPerSecond', [...place(ends), '64']);
}

/** Gigabits per second of so many TCP streams at once. */
export async function tcpStream(ends: Ends, streams: number): Promise<number> {
  return (await measure('tcp_stream', 'bitsPerSecond', [...place(ends), String(streams)])) / 1e9;
}

/** Requests with their responses per second, both sides on one CPU. */
export function pingPong(ends: Ends, protocol: 'tcp' | 'udp'): Promise<number> {
  return measure('ping_pong', 'transactionsPerSecond', [...place(ends), protocol]);
}

/** New connections per second from `client` to `hostPorts` at the host's `address`, which lead to `port` of `server`. */
export function connectRate(ends: Ends, port: number, hostPorts: readonly number[]): Promise<number> {
  const args = [ends.server, ends.client, port, ends.address, SECONDS, ...hostPorts].map(String);
  return measure('connect_rate', 'connectionsPerSecond', args);
}

/** Asks a web server at `port` of `client`'s own loopback until it answers. */
export async function untilAnswered(client: string, port: number): Promise<void> {
  await run(await compile('dataplane/first_answer.c'), [client, '127.0.0.1', String(port)]);
}
