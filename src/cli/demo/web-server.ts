/**
 * @module A web server that says who it is and whom it sees: a program of its own, to be run in a network namespace.
 *
 *   node web-server.ts NAME PORT
 *
 * It listens on every address of both families, writes one line when it does, and answers every request with
 * "hello from NAME to CLIENT:PORT".
 */

import { createServer } from 'node:http';

const [name, port] = process.argv.slice(2);

const server = createServer((request, response) => {
  const { remoteAddress = '', remotePort } = request.socket;
  // A socket that listens on both families writes IPv4 addresses as IPv6 ones (RFC 4291 section 2.5.5.2).
  const address = remoteAddress.replace(/^::ffff:/, '');
  const client = address.includes(':') ? `[${address}]` : address;
  response.end(`hello from ${name} to ${client}:${remotePort}\n`);
});
server.on('error', (error) => {
  console.error(`${name}: ${error.message}`);
  process.exitCode = 1;
});
server.listen(Number(port), () => console.log(`${name} listens on port ${port}`));
