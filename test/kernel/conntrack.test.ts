/** @module Connection tracking: flows of real sockets through DNAT are listed as they are, and forgotten on demand. */

import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { type ConntrackFilter, flushConntrack, listConntrack, trackedFlows } from '../../src/kernel/conntrack.ts';
import * as ffi from '../../src/kernel/ffi.ts';
import { socketAddress } from '../../src/kernel/inet.ts';
import { NetworkNamespace } from '../../src/kernel/namespace.ts';
import { openNetfilter } from '../../src/kernel/netlink/nfnetlink.ts';
import { Nftables } from '../../src/kernel/nftables/ruleset.ts';
import { addAddress } from '../../src/kernel/rtnetlink/address.ts';
import { createVeth, setLink } from '../../src/kernel/rtnetlink/link.ts';
import { createSandbox, link, openWorld, until } from './support.ts';

const HOST = { 4: '172.30.0.1', 6: 'fd30::1' } as const;
const SERVER = { 4: '172.30.0.2', 6: 'fd30::2' } as const;
const UDP = 17;

const world = openWorld();
const namespace = NetworkNamespace.current();
const netfilter = openNetfilter();
const nft = new Nftables(namespace);
const server = createSandbox();
const serverSockets: number[] = [];

before(() => {
  world.request(createVeth({ name: 'v0', peer: { name: 'eth0', namespaceFd: server.namespace.fd } }));
  for (const [socket, name, address] of [
    [world, 'v0', HOST],
    [server.socket, 'eth0', SERVER],
  ] as const) {
    const { index } = link(socket, name);
    socket.batch([
      addAddress(index, `${address[4]}/24`),
      addAddress(index, `${address[6]}/64`),
      setLink(index, { up: true }),
    ]);
  }
  world.request(setLink('lo', { up: true }));
  // Ports 7000 to 7009 of the host are the server's port 53.
  nft.run(`table inet t {
    chain output {
      type nat hook output priority -100
      ip daddr ${HOST[4]} udp dport 7000-7009 dnat ip to ${SERVER[4]}:53
      ip6 daddr ${HOST[6]} udp dport 7000-7009 dnat ip6 to [${SERVER[6]}]:53
    }
    # The kernel tracks only as long as a rule needs it: this one stays when those above are flushed.
    chain input {
      type filter hook input priority 0
      ct state invalid drop
    }
  }`);
  server.namespace.enter(() => {
    for (const family of [4, 6] as const) {
      const fd = ffi.socket(family === 4 ? ffi.AF_INET : ffi.AF_INET6, ffi.SOCK_DGRAM, 0);
      ffi.bind(fd, socketAddress(SERVER[family], 53));
      serverSockets.push(fd);
    }
  });
});

after(() => {
  nft[Symbol.dispose]();
  netfilter[Symbol.dispose]();
  server[Symbol.dispose]();
  namespace[Symbol.dispose]();
  world[Symbol.dispose]();
});

/** One datagram through each of the host's ports, and what the server answers. */
async function talk(family: 4 | 6, ports: readonly number[]): Promise<void> {
  const client = dgram.createSocket(family === 4 ? 'udp4' : 'udp6');
  const fd = serverSockets[family === 4 ? 0 : 1]!;
  for (const port of ports) {
    const answer = once(client, 'message');
    await new Promise((resolve) => client.send('question', port, HOST[family], resolve));
    const question = Buffer.alloc(64);
    const from = Buffer.alloc(28);
    const length = await received(fd, question, from);
    ffi.sendto(fd, question.subarray(0, length), from.subarray(0, family === 4 ? 16 : 28));
    const [, { port: seen }] = await answer;
    assert.equal(seen, port, 'the answer comes from the port that was asked');
  }
  client.close();
}

async function received(fd: number, data: Buffer, from: Buffer): Promise<number> {
  let length: number | undefined;
  await until(() => {
    length = ffi.recvfrom(fd, data, ffi.MSG_DONTWAIT, from);
    return length !== undefined;
  }, 'a datagram at the server');
  return length!;
}

const ports = (filter: ConntrackFilter) =>
  listConntrack(netfilter, filter)
    .map(({ original }) => original.destinationPort)
    .sort();

test('an empty table is empty, and a flush of it finds nothing', async () => {
  assert.equal(trackedFlows(netfilter), 0);
  assert.deepEqual(listConntrack(netfilter), []);
  assert.equal(await flushConntrack(netfilter, { protocol: 'udp', originalPort: 53 }), 0);
});

test('a flow through DNAT is listed with both of its directions', async () => {
  await talk(4, [7003]);
  const [flow, ...more] = listConntrack(netfilter, { protocol: 'udp', originalDestination: HOST[4] });
  assert.deepEqual(more, []);
  assert.ok(flow);
  assert.equal(flow.protocol, UDP);
  assert.deepEqual(
    [flow.original.source, flow.original.destination, flow.original.destinationPort],
    [HOST[4], HOST[4], 7003],
  );
  assert.deepEqual(
    [flow.reply.source, flow.reply.sourcePort, flow.reply.destinationPort],
    [SERVER[4], 53, flow.original.sourcePort],
  );
  assert.deepEqual([flow.seenReply, flow.destinationTranslated, flow.sourceTranslated], [true, true, false]);
  assert.ok(flow.timeoutSeconds > 0);
});

const FILTERS: { name: string; filter: ConntrackFilter; gone: { 4: number[]; 6: number[] } }[] = [
  { name: 'one port', filter: { protocol: 'udp', originalPort: 7001 }, gone: { 4: [7001], 6: [7001] } },
  {
    name: 'a range of ports',
    filter: { protocol: 'udp', originalPort: [7001, 7002] },
    gone: { 4: [7001, 7002], 6: [7001, 7002] },
  },
  {
    name: 'an IPv4 address and a port',
    filter: { protocol: 'udp', originalDestination: HOST[4], originalPort: 7001 },
    gone: { 4: [7001], 6: [] },
  },
  {
    name: 'an IPv6 address',
    filter: { originalDestination: 'FD30:0::1' },
    gone: { 4: [], 6: [7000, 7001, 7002, 7003] },
  },
  { name: 'the server that answers', filter: { replySource: SERVER[6] }, gone: { 4: [], 6: [7000, 7001, 7002, 7003] } },
  { name: 'another address', filter: { protocol: 'udp', originalDestination: SERVER[4] }, gone: { 4: [], 6: [] } },
  { name: 'another protocol', filter: { protocol: 'tcp', originalPort: [7000, 7009] }, gone: { 4: [], 6: [] } },
];

for (const { name, filter, gone } of FILTERS) {
  test(`a flush by ${name} takes those flows and no other`, async () => {
    const all = [7000, 7001, 7002, 7003];
    await flushConntrack(netfilter, { protocol: 'udp' });
    for (const family of [4, 6] as const) await talk(family, all);
    assert.equal(await flushConntrack(netfilter, filter), gone[4].length + gone[6].length);
    for (const family of [4, 6] as const) {
      assert.deepEqual(
        ports({ protocol: 'udp', originalDestination: HOST[family] }),
        all.filter((port) => !gone[family].includes(port)),
      );
    }
    assert.equal(await flushConntrack(netfilter, filter), 0, 'nothing is left to take');
  });
}

test('among thousands of flows, the kernel selects, and the result is the same', async () => {
  await flushConntrack(netfilter, {});
  const client = dgram.createSocket('udp4');
  for (let port = 20_000; port < 22_000; port++) {
    await new Promise((resolve) => client.send('', port, SERVER[4], resolve));
  }
  client.close();
  await talk(4, [7000, 7001]);
  await talk(6, [7000, 7001]);
  assert.ok(trackedFlows(netfilter) > 2000);
  assert.deepEqual(ports({ protocol: 'udp', originalPort: [7000, 7009] }), [7000, 7000, 7001, 7001]);
  assert.equal(await flushConntrack(netfilter, { protocol: 'udp', originalPort: 7001 }), 2);
  assert.deepEqual(ports({ protocol: 'udp', originalPort: [7000, 7009] }), [7000, 7000]);
  assert.equal(await flushConntrack(netfilter, { protocol: 'udp', originalPort: [20_000, 21_999] }), 2000);
});

test('a flow that outlives its rule goes on until it is flushed', async () => {
  await flushConntrack(netfilter, { protocol: 'udp' });
  const client = dgram.createSocket('udp4').bind(0);
  await once(client, 'listening');
  const send = () => new Promise((resolve) => client.send('question', 7005, HOST[4], resolve));
  const [question, from] = [Buffer.alloc(64), Buffer.alloc(28)];
  await send();
  await received(serverSockets[0]!, question, from);
  nft.run('flush chain inet t output');
  await send();
  await received(serverSockets[0]!, question, from);
  assert.equal(await flushConntrack(netfilter, { protocol: 'udp', originalPort: 7005 }), 1);
  await send();
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(ffi.recvfrom(serverSockets[0]!, question, ffi.MSG_DONTWAIT, from), undefined);
  client.close();
});
