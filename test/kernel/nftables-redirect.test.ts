/** @module The redirect to a sandbox's resolver: real queries over UDP and TCP, nothing tracked, port 53 left free. */

import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { trackedFlows } from '../../src/kernel/conntrack.ts';
import * as ffi from '../../src/kernel/ffi.ts';
import { parseAddress, socketAddress } from '../../src/kernel/inet.ts';
import { NetworkNamespace } from '../../src/kernel/namespace.ts';
import { openNetfilter } from '../../src/kernel/netlink/nfnetlink.ts';
import { transact } from '../../src/kernel/nftables/batch.ts';
import { Nftables } from '../../src/kernel/nftables/ruleset.ts';
import { setLink } from '../../src/kernel/rtnetlink/link.ts';
import { resolverRedirect } from '../../src/network/names/redirect.ts';
import { RESOLVER_ADDRESS } from '../../src/network/names/resolv-conf.ts';
import { assertGolden } from './golden.ts';
import { openWorld } from './support.ts';

const CLIENT = '127.0.0.1';
const IPPROTO_UDP = 17;

using world = openWorld();
world.request(setLink('lo', { up: true }));
const netfilter = openNetfilter();

/** The resolver: it answers with what it got. */
const udp = dgram.createSocket('udp4');
const tcp = net.createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));

before(async () => {
  udp.on('message', (message, from) => udp.send(`udp ${message}`, from.port, from.address));
  udp.bind(0, RESOLVER_ADDRESS);
  tcp.listen(0, RESOLVER_ADDRESS);
  await Promise.all([once(udp, 'listening'), once(tcp, 'listening')]);
  transact(netfilter, resolverRedirect(udp.address().port, (tcp.address() as net.AddressInfo).port));
});

after(() => {
  udp.close();
  tcp.close();
  netfilter[Symbol.dispose]();
});

/** Asks over UDP, on a connected socket: an answer from another port than the one asked would not reach it. */
async function ask(address: string, question: string): Promise<string> {
  const client = dgram.createSocket('udp4');
  client.connect(53, address);
  await once(client, 'connect');
  client.send(question);
  const [answer] = await once(client, 'message');
  client.close();
  return String(answer);
}

test('the ruleset is what nft lists', () => {
  using nft = new Nftables(NetworkNamespace.current());
  const listing = nft.listText('table netdev pontoon');
  const { port } = tcp.address() as net.AddressInfo;
  assertGolden('resolver.nft', listing.replaceAll(String(udp.address().port), 'UDP').replaceAll(String(port), 'TCP'));
});

test('queries to port 53 reach the resolver, and the answers seem to come from there', async () => {
  assert.equal(await ask(RESOLVER_ADDRESS, 'a'), 'udp a');
  const client = net.connect(53, RESOLVER_ADDRESS);
  await once(client, 'connect');
  assert.equal(client.remotePort, 53);
  client.end('b');
  assert.equal(await text(client), 'b');
});

test('large messages over TCP arrive whole', async () => {
  const client = net.connect(53, RESOLVER_ADDRESS);
  const large = 'x'.repeat(500_000);
  client.end(large);
  assert.equal(await text(client), large);
});

test('a server of the sandbox may have port 53 on all addresses, and the resolver is reached all the same', async () => {
  const own = dgram.createSocket('udp4');
  own.on('message', (message, from) => own.send(`own ${message}`, from.port, from.address));
  own.bind(53, '0.0.0.0');
  await once(own, 'listening');
  assert.equal(await ask('127.0.0.1', 'c'), 'own c');
  assert.equal(await ask(RESOLVER_ADDRESS, 'e'), 'udp e');
  own.close();
  const ownTcp = net.createServer().listen(53, '0.0.0.0');
  await once(ownTcp, 'listening');
  ownTcp.close();
});

test('a full checksum is corrected: the kernel, which checks it on arrival, takes the packet', async () => {
  const raw = ffi.socket(ffi.AF_INET, ffi.SOCK_RAW, IPPROTO_UDP);
  const arrived = async (datagram: Buffer): Promise<boolean> => {
    const message = once(udp, 'message');
    ffi.sendto(raw, datagram, socketAddress(RESOLVER_ADDRESS, 0));
    ffi.sendto(raw, udpDatagram('end'), socketAddress(RESOLVER_ADDRESS, 0));
    const [first] = await message;
    if (String(first) !== 'end') assert.equal(String((await once(udp, 'message'))[0]), 'end');
    return String(first) !== 'end';
  };
  assert.equal(await arrived(udpDatagram('odd length')), true);
  assert.equal(await arrived(udpDatagram('even lengths')), true);
  const wrong = udpDatagram('wrong');
  wrong.writeUInt16BE(wrong.readUInt16BE(6) ^ 0x0100, 6);
  assert.equal(await arrived(wrong), false, 'a wrong checksum stays wrong');
});

test('nothing of it is tracked', () => {
  assert.equal(trackedFlows(netfilter), 0);
});

/** A UDP datagram to port 53 with its checksum, RFC 768. */
function udpDatagram(message: string): Buffer {
  const payload = Buffer.from(message);
  const datagram = Buffer.alloc(8 + payload.length);
  datagram.writeUInt16BE(5353, 0);
  datagram.writeUInt16BE(53, 2);
  datagram.writeUInt16BE(datagram.length, 4);
  payload.copy(datagram, 8);
  const pseudo = Buffer.from([
    ...parseAddress(CLIENT),
    ...parseAddress(RESOLVER_ADDRESS),
    0,
    IPPROTO_UDP,
    0,
    datagram.length,
  ]);
  datagram.writeUInt16BE(internetChecksum(Buffer.concat([pseudo, datagram])), 6);
  return datagram;
}

/** RFC 1071 */
function internetChecksum(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += (bytes[at]! << 8) | (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}
