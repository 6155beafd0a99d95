/** @module Unsolicited advertisements: the frame is what RFC 4861 asks for, and a neighbour changes its entry. */

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { KernelError } from '../../src/kernel/error.ts';
import { sendUnsolicitedAdvertisement } from '../../src/kernel/neighbour-advertisement.ts';
import { PacketSocket } from '../../src/kernel/packet-socket.ts';
import { readable } from '../../src/kernel/readiness.ts';
import { addAddress } from '../../src/kernel/rtnetlink/address.ts';
import { createVeth, getLink, setLink } from '../../src/kernel/rtnetlink/link.ts';
import { addNeighbour, listNeighbours } from '../../src/kernel/rtnetlink/neighbour.ts';
import { createPair, createSandbox, link, linkName, openWorld, until } from './support.ts';

const socket = openWorld();
after(() => socket[Symbol.dispose]());

const ADDRESS = '2001:db8::7';
const MAC = '02:00:00:00:00:77';

test('the frame on the wire', async () => {
  using pair = createPair(socket);
  socket.request(addAddress(pair.left.index, `${ADDRESS}/64`));
  await using watcher = new PacketSocket({ link: pair.right.index });
  sendUnsolicitedAdvertisement(pair.left.index, ADDRESS, MAC);
  const frame = await (async () => {
    for (;;) {
      const received = watcher.receive();
      if (received === undefined) await readable(watcher.fd, AbortSignal.timeout(30_000));
      else if (received.protocol === 0x86dd && received.bytes[54] === 136) return received.bytes;
    }
  })();
  const address = '20010db8000000000000000000000007';
  assert.equal(frame.toString('hex', 0, 6), '333300000001');
  assert.equal(frame.toString('hex', 14 + 8, 14 + 40), `${address}ff020000000000000000000000000001`);
  assert.equal(frame[14 + 7], 255, 'hop limit');
  assert.equal(frame.toString('hex', 58), `20000000${address}0201${MAC.replaceAll(':', '')}`);
  assert.notEqual(frame.readUInt16BE(56), 0, 'checksum');
});

test('a neighbour with an old entry changes it', async () => {
  using sandbox = createSandbox();
  const name = linkName();
  socket.request(createVeth({ name, peer: { name: 'eth0', mac: MAC, namespaceFd: sandbox.namespace.fd } }));
  socket.request(setLink(name, { up: true }));
  sandbox.socket.request(setLink('eth0', { up: true }));
  const outside = link(socket, name).index;
  const inside = link(sandbox.socket, 'eth0').index;
  socket.request(addAddress(outside, '2001:db8::1/64'));
  sandbox.socket.request(addAddress(inside, `${ADDRESS}/64`));
  await until(() => getLink(socket, name)?.carrier === true, 'the carrier');
  socket.request(addNeighbour({ link: outside, address: ADDRESS, mac: '02:00:00:00:00:66', state: 'STALE' }));
  sandbox.namespace.enter(() => sendUnsolicitedAdvertisement(inside, ADDRESS, MAC));
  await until(
    () => listNeighbours(socket, { link: outside }).some(({ address, mac }) => address === ADDRESS && mac === MAC),
    'the new MAC in the neighbour table',
  );
});

test('an address that the link does not have is refused', () => {
  using pair = createPair(socket);
  assert.throws(
    () => sendUnsolicitedAdvertisement(pair.left.index, ADDRESS, MAC),
    (error) => KernelError.isKernel(error, 'EADDRNOTAVAIL') && error.message.includes(ADDRESS),
  );
});
