/** @module Netlink sockets: answers, errors in the words of the kernel, batches, and dumps that change underneath. */

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { KernelError } from '../../src/kernel/error.ts';
import * as ffi from '../../src/kernel/ffi.ts';
import { MessageWriter } from '../../src/kernel/netlink/codec.ts';
import { NetlinkSocket } from '../../src/kernel/netlink/socket.ts';
import { createBridge, deleteLink, deleteLinkGroup, getLink, listLinks } from '../../src/kernel/rtnetlink/link.ts';
import { addRoute } from '../../src/kernel/rtnetlink/route.ts';
import { NETLINK_ROUTE, NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST } from '../../src/kernel/uapi/netlink.ts';
import { IFLA_ALT_IFNAME, IFLA_EXT_MASK, RTM_GETLINK } from '../../src/kernel/uapi/rtnetlink.ts';
import { linkName, openWorld } from './support.ts';

const socket = openWorld();
after(() => socket[Symbol.dispose]());

test('a refusal has the call, the object, the errno and the words of the kernel', () => {
  const request = addRoute({ destination: '203.0.113.0/24', via: '198.51.100.1' });
  assert.throws(() => socket.request(request), {
    code: 'kernel',
    call: 'RTM_NEWROUTE',
    subject: '203.0.113.0/24',
    errno: 'ENETUNREACH',
    message: 'RTM_NEWROUTE 203.0.113.0/24: ENETUNREACH: Nexthop has invalid gateway',
  });
});

test('strict checking: a request that means something else is refused, with the reason', () => {
  const header = Buffer.alloc(16);
  header.writeInt32LE(1, 4);
  header.writeUInt32LE(1, 8); // a dump has no flags
  assert.throws(
    () => socket.dump({ call: 'RTM_GETLINK', type: RTM_GETLINK, write: (message) => message.fixed(header) }),
    (error) =>
      KernelError.isKernel(error, 'EINVAL') && /Invalid values in header for link dump request/.test(error.message),
  );
  assert.throws(
    () =>
      socket.dump({
        call: 'RTM_GETLINK',
        type: RTM_GETLINK,
        write: (message) => message.fixed(Buffer.alloc(16)).string(IFLA_ALT_IFNAME, 'x').u32(IFLA_EXT_MASK, 0),
      }),
    (error) =>
      KernelError.isKernel(error, 'EINVAL') && /Unsupported attribute in link dump request/.test(error.message),
  );
  assert.equal(getLink(socket, 'lo')?.index, 1, 'the socket works on after an error');
});

test('without privilege, the error says what to run as', () => {
  const error = new KernelError('RTM_NEWLINK', 'EPERM', { subject: 'bridge br0' });
  assert.equal(error.code, 'no-privilege');
  assert.equal(error.message, 'RTM_NEWLINK bridge br0: EPERM (run as root, or with CAP_NET_ADMIN and CAP_SYS_ADMIN)');
});

test('a batch is carried out to its end, and the first failure is thrown', () => {
  const [before, behind] = [linkName(), linkName()];
  assert.throws(
    () =>
      socket.batch([
        createBridge({ name: before }),
        deleteLink('nobody'),
        deleteLink('nobody-else'),
        createBridge({ name: behind }),
      ]),
    (error) => KernelError.isKernel(error, 'ENODEV') && error.subject === 'nobody',
  );
  assert.notEqual(getLink(socket, before), undefined);
  assert.notEqual(getLink(socket, behind), undefined);
  socket.batch([deleteLink('nobody'), deleteLink(before), deleteLink(behind)], ['ENODEV']);
  assert.equal(getLink(socket, behind), undefined);
  socket.batch([]);
});

test('requests on another thread leave this one free, and a refusal is told', async () => {
  const name = linkName();
  socket.request(createBridge({ name }));
  using other = new NetlinkSocket(NETLINK_ROUTE);
  let turns = 0;
  const deletion = other.batchAsync([deleteLink(name)]).finally(() => {
    turns = -turns;
  });
  while (turns >= 0 && turns < 1_000_000) {
    turns++;
    await turn();
  }
  await deletion;
  assert.ok(turns < 0, 'the event loop turned meanwhile');
  assert.equal(getLink(socket, name), undefined);
  await other.batchAsync([deleteLink(name)], ['ENODEV']);
  await assert.rejects(other.batchAsync([deleteLink(name)]), (error) => KernelError.isKernel(error, 'ENODEV'));
});

test('answers to a request that was given up are passed over', () => {
  using mine = new NetlinkSocket(NETLINK_ROUTE);
  const stale = new MessageWriter()
    .message(RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, 0xdead_beef)
    .fixed(Buffer.alloc(16))
    .finish();
  ffi.send(mine.fd, stale);
  assert.equal(getLink(mine, 'lo')?.name, 'lo');
  const refused = new MessageWriter()
    .message(RTM_GETLINK, NLM_F_REQUEST | NLM_F_ACK, 0xdead_beef)
    .fixed(Buffer.alloc(16));
  ffi.send(mine.fd, refused.finish());
  assert.deepEqual(
    listLinks(mine).map(({ name }) => name),
    listLinks(socket).map(({ name }) => name),
  );
});

test('a list is whole and holds nothing twice, while another thread renames, adds and deletes links', async (t) => {
  const stable = Array.from({ length: 120 }, () => linkName('stable'));
  socket.batch(stable.map((name) => createBridge({ name, group: 7 })));
  const wanted = new Set(stable);

  const source = (name: string) => import.meta.resolve(`../../src/kernel/${name}.ts`);
  const worker = new Worker(
    new URL(
      `data:text/javascript,${encodeURIComponent(`
        import { parentPort } from 'node:worker_threads';
        import { NetlinkSocket } from '${source('netlink/socket')}';
        import { createBridge, deleteLink, getLink, setLink } from '${source('rtnetlink/link')}';
        const socket = new NetlinkSocket(${NETLINK_ROUTE});
        const pause = new Int32Array(new SharedArrayBuffer(4));
        let changes = 0;
        for (let round = 0; round < 40; round++) {
          socket.request(createBridge({ name: 'passing' }));
          const { index } = getLink(socket, 'passing');
          for (let rename = 0; rename < 5; rename++) {
            Atomics.wait(pause, 0, 0, 2);
            socket.request(setLink(index, { name: 'passing' + rename }));
          }
          socket.request(deleteLink(index));
          changes += 7;
        }
        parentPort.postMessage(changes);`)}`,
    ),
  );
  let changes: number | undefined;
  worker.once('message', (count: number) => {
    changes = count;
  });
  let lists = 0;
  let toldTorn = 0;
  while (changes === undefined) {
    await turn();
    try {
      const names = listLinks(socket).map(({ name }) => name);
      assert.equal(new Set(names).size, names.length, 'nothing twice');
      assert.equal(names.filter((name) => wanted.has(name)).length, stable.length, 'nothing left out');
      lists++;
    } catch (error) {
      if (!KernelError.isKernel(error, 'EINTR')) throw error;
      toldTorn++;
    }
  }
  t.diagnostic(`${lists} lists during ${changes} changes; ${toldTorn} times all attempts were torn`);
  assert.ok(lists > 0);
  socket.request(deleteLinkGroup(7));
  assert.deepEqual(
    listLinks(socket).map(({ name }) => name),
    ['lo'],
  );
});
