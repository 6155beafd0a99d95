/** @module Packet sockets: what is sent into one end of a veth pair is seen, whole and described, at the other. */

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { PontoonError } from '../../src/errors.ts';
import { KernelError } from '../../src/kernel/error.ts';
import { type BpfInstruction, type Frame, PacketSocket } from '../../src/kernel/packet-socket.ts';
import { readable } from '../../src/kernel/readiness.ts';
import { setLink } from '../../src/kernel/rtnetlink/link.ts';
import { createPair, createSandbox, link, openWorld } from './support.ts';

const socket = openWorld();
after(() => socket[Symbol.dispose]());

/** An EtherType for local experiments (IEEE 802), which nobody else sends. */
const EXPERIMENT = 0x88b5;
const SOURCE = '020000000001';

function frame(destination: string, payload: Buffer | string, protocol = EXPERIMENT): Buffer {
  const type = protocol.toString(16).padStart(4, '0');
  return Buffer.concat([Buffer.from(destination + SOURCE + type, 'hex'), Buffer.from(payload)]);
}

/** The next frame of the experiment; others (the kernel's own multicasts) are passed over. */
async function next(from: PacketSocket): Promise<Frame> {
  for (;;) {
    const received = from.receive();
    if (received === undefined) await readable(from.fd, AbortSignal.timeout(30_000));
    else if (received.protocol === EXPERIMENT) return received;
  }
}

test('a frame is seen leaving one end and arriving at the other', async () => {
  using pair = createPair(socket);
  const { left, right } = pair;
  await using sender = new PacketSocket({ link: left.index });
  await using receiver = new PacketSocket({ link: right.index });
  const to = {
    host: right.mac!.replaceAll(':', ''),
    broadcast: 'ffffffffffff',
    multicast: '01005e000001',
    'other-host': '02ffffffffff',
  };
  for (const [direction, destination] of Object.entries(to)) {
    const sent = frame(destination, `for ${direction}`);
    const before = BigInt(Date.now()) * 1_000_000n;
    sender.send(sent);
    const { timestampNs, ...arrived } = await next(receiver);
    assert.deepEqual(arrived, {
      link: right.index,
      direction,
      protocol: EXPERIMENT,
      bytes: sent,
      lengthBytes: sent.length,
      vlan: undefined,
      checksumPending: false,
    });
    assert.ok(timestampNs >= before && timestampNs - before < 60_000_000_000n, `${timestampNs - before} ns`);
  }
  // The reply shows at its sender as outgoing.
  await using watcher = new PacketSocket({ link: right.index });
  receiver.send(frame(SOURCE, 'back'));
  const outgoing = await next(watcher);
  assert.deepEqual([outgoing.direction, outgoing.link], ['outgoing', right.index]);
});

test('a socket without a link sees all links of its namespace and of no other', async () => {
  using sandbox = createSandbox();
  using pair = createPair(sandbox.socket);
  using other = createPair(socket);
  await using everywhere = sandbox.namespace.enter(() => new PacketSocket());
  await using there = new PacketSocket({ link: other.left.index });
  there.send(frame('ffffffffffff', 'elsewhere'));
  await using sender = sandbox.namespace.enter(() => new PacketSocket({ link: pair.left.index }));
  sender.send(frame('ffffffffffff', 'here'));
  const seen = [await next(everywhere), await next(everywhere)];
  assert.deepEqual(
    seen.map(({ link, direction, bytes }) => [link, direction, bytes.toString('utf8', 14)]),
    [
      [pair.left.index, 'outgoing', 'here'],
      [pair.right.index, 'broadcast', 'here'],
    ],
  );
  // Its own frames a socket does not see where they leave, only where they arrive.
  everywhere.send(frame('ffffffffffff', 'mine'), pair.left.index);
  assert.equal((await next(everywhere)).link, pair.right.index);
  assert.throws(
    () => everywhere.send(frame('ffffffffffff', 'where to?')),
    (error) => KernelError.isKernel(error, 'ENXIO'),
  );
});

test('a VLAN tag is told apart from the bytes, and a long frame is cut', async () => {
  using pair = createPair(socket);
  await using sender = new PacketSocket({ link: pair.left.index });
  await using receiver = new PacketSocket({ link: pair.right.index, snapshotBytes: 64 });
  // Tag: priority 5, VLAN 1234, then the inner EtherType.
  const tag = Buffer.from([0xa4, 0xd2, EXPERIMENT >> 8, EXPERIMENT & 0xff]);
  sender.send(frame('ffffffffffff', Buffer.concat([tag, Buffer.alloc(1000, 7)]), 0x8100));
  const arrived = await next(receiver);
  assert.deepEqual(arrived.vlan, { id: 1234, priority: 5, protocol: 0x8100 });
  assert.equal(arrived.lengthBytes, 14 + 1000);
  assert.deepEqual(arrived.bytes, frame('ffffffffffff', Buffer.alloc(50, 7)));
});

test('a filter lets through what it accepts', async () => {
  using pair = createPair(socket);
  const load = 0x30; // BPF_LD | BPF_B | BPF_ABS
  const jumpIfEqual = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
  const give = 0x06; // BPF_RET | BPF_K
  const onlyWithX: BpfInstruction[] = [
    [load, 0, 0, 14],
    [jumpIfEqual, 0, 1, 'x'.charCodeAt(0)],
    [give, 0, 0, 0xffff_ffff],
    [give, 0, 0, 0],
  ];
  await using sender = new PacketSocket({ link: pair.left.index });
  await using receiver = new PacketSocket({ link: pair.right.index, filter: onlyWithX });
  for (const text of ['a', 'x1', 'b', 'x2']) sender.send(frame('ffffffffffff', text));
  const seen = [await next(receiver), await next(receiver)].map(({ bytes }) => bytes.toString('utf8', 14));
  assert.deepEqual(seen, ['x1', 'x2']);
  assert.equal(receiver.receive(), undefined);

  assert.throws(
    () => new PacketSocket({ link: pair.right.index, filter: [[0xffff, 0, 0, 0]] }),
    (error) => PontoonError.is(error, 'bad-value'),
  );
});

test('frames that find no room are counted', async () => {
  using pair = createPair(socket);
  await using sender = new PacketSocket({ link: pair.left.index });
  await using receiver = new PacketSocket({
    link: pair.right.index,
    protocol: EXPERIMENT,
    receiveBufferBytes: 4096,
  });
  for (let count = 0; count < 100; count++) sender.send(frame('ffffffffffff', Buffer.alloc(1000)));
  const { packets, drops } = receiver.statistics();
  assert.equal(packets, 100);
  assert.ok(drops > 0 && drops < 100, `${drops} drops`);
  let read = 0;
  while (receiver.receive() !== undefined) read++;
  assert.equal(read, packets - drops);
  assert.deepEqual(receiver.statistics(), { packets, drops });
});

test('a link that goes down is told once; after it comes up, frames arrive again', async () => {
  using pair = createPair(socket);
  await using sender = new PacketSocket({ link: pair.left.index });
  await using receiver = new PacketSocket({ link: pair.right.index, protocol: EXPERIMENT });
  socket.request(setLink(pair.right.index, { up: false }));
  assert.throws(
    () => receiver.receive(),
    (error) => KernelError.isKernel(error, 'ENETDOWN'),
  );
  assert.equal(receiver.receive(), undefined);
  socket.request(setLink(pair.right.index, { up: true }));
  link(socket, pair.left.index); // see createPair
  sender.send(frame('ffffffffffff', 'again'));
  assert.equal((await next(receiver)).bytes.toString('utf8', 14), 'again');
});

test('an interface that is not there is an error', () => {
  assert.throws(
    () => new PacketSocket({ link: 99_999 }),
    (error) => KernelError.isKernel(error, 'ENODEV') && error.message.includes('link 99999'),
  );
});
