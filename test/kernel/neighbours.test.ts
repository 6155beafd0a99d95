/** @module Neighbours: what is set is read back, and what is learned goes with a flush. */

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { KernelError } from '../../src/kernel/error.ts';
import { addAddress } from '../../src/kernel/rtnetlink/address.ts';
import {
  addNeighbour,
  deleteNeighbour,
  flushNeighbours,
  listNeighbours,
  replaceNeighbour,
} from '../../src/kernel/rtnetlink/neighbour.ts';
import { createPair, openWorld } from './support.ts';

const socket = openWorld();
after(() => socket[Symbol.dispose]());

for (const address of ['192.0.2.7', '2001:db8::7']) {
  test(`${address}: add, read back, replace, delete`, () => {
    using pair = createPair(socket);
    const link = pair.left.index;
    const mine = () => listNeighbours(socket, { link }).filter((entry) => entry.address === address);

    socket.request(addNeighbour({ link, address, mac: '02:00:00:00:00:07' }));
    const [added] = mine();
    assert.ok(added);
    const { confirmedSeconds, usedSeconds, updatedSeconds, ...fields } = added;
    assert.deepEqual(fields, {
      link,
      address,
      mac: '02:00:00:00:00:07',
      state: 'PERMANENT',
      router: false,
      external: false,
    });
    for (const age of [confirmedSeconds, usedSeconds, updatedSeconds]) assert.ok(age >= 0 && age < 3600, String(age));

    assert.throws(
      () => socket.request(addNeighbour({ link, address, mac: '02:00:00:00:00:08' })),
      (error) => KernelError.isKernel(error, 'EEXIST') && error.message.includes(`${address} on link ${link}`),
    );
    socket.request(replaceNeighbour({ link, address, mac: '02:00:00:00:00:08', state: 'STALE' }));
    assert.deepEqual(
      mine().map(({ mac, state }) => ({ mac, state })),
      [{ mac: '02:00:00:00:00:08', state: 'STALE' }],
    );

    socket.request(deleteNeighbour(link, address));
    assert.deepEqual(mine(), []);
    assert.throws(
      () => socket.request(deleteNeighbour(link, address)),
      (error) => KernelError.isKernel(error, 'ENOENT'),
    );
  });
}

test('the filters keep what belongs to a link and to a family', () => {
  using one = createPair(socket);
  using two = createPair(socket);
  for (const link of [one.left.index, two.left.index]) {
    socket.request(addNeighbour({ link, address: '192.0.2.7', mac: '02:00:00:00:00:07' }));
    socket.request(addNeighbour({ link, address: '2001:db8::7', mac: '02:00:00:00:00:07' }));
  }
  const ofOne = listNeighbours(socket, { link: one.left.index }).filter(({ state }) => state === 'PERMANENT');
  assert.deepEqual(
    ofOne.map(({ address, link }) => ({ address, link })),
    ['192.0.2.7', '2001:db8::7'].map((address) => ({ address, link: one.left.index })),
  );
  assert.ok(listNeighbours(socket, { family: 4 }).every(({ address }) => !address.includes(':')));
  assert.ok(listNeighbours(socket, { family: 6 }).every(({ address }) => address.includes(':')));
});

test('flush forgets what was learned and keeps what was set', () => {
  using pair = createPair(socket);
  const link = pair.left.index;
  socket.request(addAddress(link, '192.0.2.1/24'));
  socket.request(addNeighbour({ link, address: '192.0.2.7', mac: '02:00:00:00:00:07' }));
  socket.request(addNeighbour({ link, address: '192.0.2.8', mac: '02:00:00:00:00:08', state: 'STALE' }));
  socket.request(addNeighbour({ link, address: '2001:db8::8', mac: '02:00:00:00:00:08', state: 'REACHABLE' }));
  assert.equal(flushNeighbours(socket, link), 2);
  assert.deepEqual(
    listNeighbours(socket, { link, family: 4 }).map(({ address }) => address),
    ['192.0.2.7'],
  );
});

test('a refused request says which entry, and in the words of the kernel', () => {
  assert.throws(
    () => socket.request(addNeighbour({ link: 99_999, address: '192.0.2.7', mac: '02:00:00:00:00:07' })),
    (error) => KernelError.isKernel(error, 'ENODEV') && error.subject === '192.0.2.7 on link 99999',
  );
});
