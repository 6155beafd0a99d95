/** @module Addresses of interfaces: every field is read back, and adding twice is adding once. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, test } from 'node:test';
import { PontoonError } from '../../src/errors.ts';
import { KernelError } from '../../src/kernel/error.ts';
import { addAddress, deleteAddress, listAddresses } from '../../src/kernel/rtnetlink/address.ts';
import { setLink } from '../../src/kernel/rtnetlink/link.ts';
import { RT_SCOPE_HOST, RT_SCOPE_LINK, RT_SCOPE_UNIVERSE } from '../../src/kernel/uapi/rtnetlink.ts';
import { createPair, createSandbox, openWorld, until } from './support.ts';

const socket = openWorld();
after(() => socket[Symbol.dispose]());

for (const address of ['192.0.2.1/24', '192.0.2.1/31', '192.0.2.1/32', '10.0.0.0/8', '2001:db8::1/64', 'fd00::/128']) {
  test(`${address}: add, read back, add again, delete`, () => {
    using pair = createPair(socket);
    const { index: link, name } = pair.left;
    const mine = () => listAddresses(socket, link);
    socket.request(addAddress(link, address));
    const expected = [{ link, address, scope: RT_SCOPE_UNIVERSE, permanent: true, tentative: false, duplicate: false }];
    assert.deepEqual(mine(), expected);
    socket.request(addAddress(link, address));
    assert.deepEqual(mine(), expected);

    const [shown] = JSON.parse(execFileSync('ip', ['-j', 'addr', 'show', 'dev', name], { encoding: 'utf8' }));
    const [info] = shown.addr_info;
    assert.equal(`${info.local}/${info.prefixlen}`, address);
    if (address === '192.0.2.1/24') assert.equal(info.broadcast, '192.0.2.255');
    else if (address === '10.0.0.0/8') assert.equal(info.broadcast, '10.255.255.255');
    else assert.equal(info.broadcast, undefined);

    socket.request(deleteAddress(link, address));
    assert.deepEqual(mine(), []);
    assert.throws(
      () => socket.request(deleteAddress(link, address)),
      (error) => KernelError.isKernel(error, 'EADDRNOTAVAIL') && error.subject === address,
    );
  });
}

test('a list of one link leaves out the others; a list of all has them', () => {
  using one = createPair(socket);
  using two = createPair(socket);
  socket.request(addAddress(one.left.index, '192.0.2.1/24'));
  socket.request(addAddress(one.left.index, '192.0.2.2/24'));
  socket.request(addAddress(two.left.index, '2001:db8::1/64'));
  const texts = (link?: number) => listAddresses(socket, link).map(({ address }) => address);
  assert.deepEqual(texts(one.left.index), ['192.0.2.1/24', '192.0.2.2/24']);
  assert.deepEqual(texts(two.left.index), ['2001:db8::1/64']);
  assert.deepEqual(texts(), ['192.0.2.1/24', '192.0.2.2/24', '2001:db8::1/64']);
});

test('the kernel’s own addresses: loopback, and link-local while it is tentative and after', async () => {
  using sandbox = createSandbox();
  sandbox.socket.request(setLink('lo', { up: true }));
  assert.deepEqual(
    listAddresses(sandbox.socket).map(({ address, scope }) => [address, scope]),
    [
      ['127.0.0.1/8', RT_SCOPE_HOST],
      ['::1/128', RT_SCOPE_HOST],
    ],
  );
  using pair = createPair(sandbox.socket, { up: false });
  const { left, right } = pair;
  for (const { index } of [left, right]) sandbox.socket.request(setLink(index, { up: true }));
  const linkLocal = () => listAddresses(sandbox.socket, left.index).find(({ address }) => address.startsWith('fe80::'));
  await until(() => linkLocal()?.tentative === true, 'a tentative address');
  await until(() => linkLocal()?.tentative === false, 'an address that nobody else holds');
  assert.equal(linkLocal()?.scope, RT_SCOPE_LINK);
});

test('refusals', () => {
  using pair = createPair(socket);
  const link = pair.left.index;
  for (const text of ['', '192.0.2.1/33', '192.0.2.300/24', '2001:db8::1/129']) {
    assert.throws(
      () => socket.request(addAddress(link, text)),
      (error) => PontoonError.is(error, 'bad-address'),
    );
  }
  assert.throws(
    () => socket.request(addAddress(99_999, '192.0.2.1/24')),
    (error) => KernelError.isKernel(error, 'ENODEV') && error.subject === '192.0.2.1/24',
  );
  assert.throws(
    () => socket.request(addAddress(link, 'ff02::1/64')),
    /^PontoonError: RTM_NEWADDR ff02::1\/64: EADDRNOTAVAIL: ipv6: Cannot assign multicast address/,
  );
});
