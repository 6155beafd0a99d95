/** @module Forwarding databases of bridges and of vxlan links: set by hand, and learned from frames. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, test } from 'node:test';
import { KernelError } from '../../src/kernel/error.ts';
import type { NetlinkSocket } from '../../src/kernel/netlink/socket.ts';
import { addFdbEntry, deleteFdbEntry, listFdb, replaceFdbEntry } from '../../src/kernel/rtnetlink/fdb.ts';
import { createBridge, deleteLink, setLink } from '../../src/kernel/rtnetlink/link.ts';
import { createPair, link, linkName, openWorld } from './support.ts';

const socket = openWorld();
after(() => socket[Symbol.dispose]());

const MAC = '02:00:00:00:00:07';

function createBridgeWithPorts(world: NetlinkSocket) {
  const name = linkName('br');
  world.request(createBridge({ name, up: true }));
  const bridge = link(world, name).index;
  const pairs = [createPair(world), createPair(world)] as const;
  for (const pair of pairs) world.request(setLink(pair.left.index, { master: bridge }));
  return {
    bridge,
    ports: pairs.map(({ left }) => left) as [(typeof pairs)[0]['left'], (typeof pairs)[1]['left']],
    [Symbol.dispose]() {
      for (const pair of pairs) pair[Symbol.dispose]();
      world.request(deleteLink(name));
    },
  };
}

test('a static entry: add, read back, move, delete', () => {
  using world = createBridgeWithPorts(socket);
  const { bridge, ports } = world;
  const mine = () => listFdb(socket, { bridge }).filter(({ mac }) => mac === MAC);

  socket.request(addFdbEntry({ link: ports[0].index, mac: MAC }));
  const [added] = mine();
  assert.ok(added);
  const { usedSeconds, updatedSeconds, ...fields } = added;
  assert.deepEqual(fields, {
    link: ports[0].index,
    bridge,
    mac: MAC,
    vlan: undefined,
    type: 'static',
    sticky: false,
    external: false,
    remote: undefined,
  });
  assert.ok(usedSeconds >= 0 && usedSeconds < 60 && updatedSeconds >= 0 && updatedSeconds < 60);

  assert.throws(
    () => socket.request(addFdbEntry({ link: ports[0].index, mac: MAC })),
    (error) => KernelError.isKernel(error, 'EEXIST'),
  );
  socket.request(replaceFdbEntry({ link: ports[1].index, mac: MAC }));
  assert.deepEqual(
    mine().map((entry) => entry.link),
    [ports[1].index],
  );
  assert.deepEqual(
    listFdb(socket, { port: ports[0].index }).filter(({ mac }) => mac === MAC),
    [],
  );
  assert.equal(listFdb(socket, { port: ports[1].index }).filter(({ mac }) => mac === MAC).length, 1);
  socket.request(deleteFdbEntry({ link: ports[1].index, mac: MAC }));
  assert.deepEqual(mine(), []);
});

test("a port's own MAC is local, and a learned entry is learned", () => {
  using world = createBridgeWithPorts(socket);
  const { bridge, ports } = world;
  socket.request(addFdbEntry({ link: ports[0].index, mac: MAC, type: 'learned' }));
  const types = new Map(listFdb(socket, { bridge }).map(({ mac, type }) => [mac, type]));
  assert.equal(types.get(ports[0].mac ?? ''), 'local');
  assert.equal(types.get(MAC), 'learned');
});

test('the database of one bridge leaves out that of another', () => {
  using one = createBridgeWithPorts(socket);
  using two = createBridgeWithPorts(socket);
  socket.request(addFdbEntry({ link: one.ports[0].index, mac: MAC }));
  socket.request(addFdbEntry({ link: two.ports[0].index, mac: MAC }));
  const of = (bridge?: number) =>
    listFdb(socket, bridge === undefined ? {} : { bridge }).filter(({ mac }) => mac === MAC);
  assert.deepEqual(
    of(one.bridge).map((entry) => entry.link),
    [one.ports[0].index],
  );
  assert.equal(of().length, 2);
});

test('a vxlan link knows the host behind which it finds a MAC', () => {
  const name = linkName('vx');
  execFileSync('ip', `link add ${name} type vxlan id 42 local 192.0.2.1 dstport 4789 nolearning`.split(' '));
  const index = link(socket, name).index;
  socket.request(addFdbEntry({ link: index, mac: MAC, remote: '192.0.2.9' }));
  const [entry] = listFdb(socket, { port: index });
  assert.deepEqual([entry?.mac, entry?.remote, entry?.bridge, entry?.type], [MAC, '192.0.2.9', undefined, 'static']);
  socket.request(deleteFdbEntry({ link: index, mac: MAC, remote: '192.0.2.9' }));
  assert.deepEqual(listFdb(socket, { port: index }), []);
  socket.request(deleteLink(name));
});

test('an entry at a link that is no port is refused with the reason', () => {
  using pair = createPair(socket);
  assert.throws(
    () => socket.request(addFdbEntry({ link: pair.left.index, mac: MAC })),
    (error) => KernelError.isKernel(error) && error.message.includes(MAC),
  );
});
