/**
 * @module What the kernel does with real packets, and the programs that answer them.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Asked, Case } from './case.ts';
import { inside, run, succeeds } from './topology.ts';

/** Sends back what comes. */
const ECHO = `
const socket = require('node:dgram').createSocket(process.argv[1].includes(':') ? 'udp6' : 'udp4');
socket.on('message', (message, { port, address }) => socket.send(message, port, address));
socket.bind(Number(process.argv[2]), process.argv[1]);`;

/** Asks twice, and ends with 0 when somebody answers. */
const ASK = `
const [to, port, from, fromPort] = process.argv.slice(1);
const socket = require('node:dgram').createSocket(to.includes(':') ? 'udp6' : 'udp4');
socket.on('message', () => process.exit(0)).on('error', () => process.exit(1));
setTimeout(() => process.exit(1), 1500);
socket.bind(Number(fromPort), from || undefined, () => socket.connect(Number(port), to, (error) => {
  if (error) process.exit(1);
  const ask = () => socket.send('?', (failed) => failed && process.exit(1));
  ask();
  setTimeout(ask, 400);
}));`;

/** Starts what answers in the case, if anything is to. */
export async function startListener({ listener }: Pick<Case, 'listener'>): Promise<AsyncDisposable | undefined> {
  if (listener === undefined) return undefined;
  const { namespace, protocol, address, port } = listener;
  const words =
    protocol === 'tcp'
      ? [
          'busybox',
          'httpd',
          '-f',
          '-p',
          `${address.includes(':') ? `[${address}]` : address}:${port}`,
          '-h',
          '/proc/self/ns',
        ]
      : [process.execPath, '-e', ECHO, address, String(port)];
  const [command, ...others] = inside(namespace, words);
  const server = spawn(command, others, { stdio: 'ignore' });
  while (server.exitCode === null) {
    if (run(namespace, 'ss', protocol === 'tcp' ? '-Hltn' : '-Hlun', `sport = :${port}`).trim() !== '') break;
    await sleep(5);
  }
  return { [Symbol.asyncDispose]: () => end(server) };
}

async function end(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  server.kill('SIGKILL');
  await once(server, 'exit');
}

/** Whether somebody answers. */
export function probe({
  from,
  to,
  source,
  interface: name,
  protocol,
  port,
  fromPort,
  lengthBytes,
}: Asked): Promise<boolean> {
  const family = to.includes(':') ? 6 : 4;
  switch (protocol) {
    case 'tcp': {
      const fixed = name ?? source;
      const url = `http://${family === 6 ? `[${to}]` : to}:${port}/`;
      const limits = ['--connect-timeout', '1.5', '-m', '3'];
      return succeeds(from, 'curl', '-sg', '-o', '/dev/null', ...limits, ...(fixed ? ['--interface', fixed] : []), url);
    }
    case 'udp':
      return succeeds(from, process.execPath, '-e', ASK, to, String(port), source ?? '', String(fromPort ?? 0));
    case 'icmp': {
      const data = Math.max(lengthBytes - (family === 4 ? 28 : 48), 8);
      const fixed = name ?? source;
      const words = [`-${family}`, '-c', '2', '-i', '0.2', '-W', '1', '-M', 'do', '-s', String(data)];
      return succeeds(from, 'ping', ...words, ...(fixed ? ['-I', fixed] : []), to);
    }
  }
}
