/** @module Namespace IDs: where the other end of a veth pair is. */

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { KernelError } from '../../src/kernel/error.ts';
import { createVeth, getLink } from '../../src/kernel/rtnetlink/link.ts';
import { getNamespaceId, listNamespaceIds, setNamespaceId } from '../../src/kernel/rtnetlink/namespace-id.ts';
import { createSandbox, linkName, openWorld } from './support.ts';

const socket = openWorld();
after(() => socket[Symbol.dispose]());

test('the ID on a link leads to the namespace of its peer, from both sides', () => {
  using one = createSandbox();
  using two = createSandbox();
  assert.equal(getNamespaceId(socket, one.namespace.fd), undefined);

  for (const sandbox of [one, two]) {
    const name = linkName();
    socket.request(createVeth({ name, peer: { name: 'eth0', namespaceFd: sandbox.namespace.fd } }));
    const id = getLink(socket, name)?.peerNamespaceId;
    assert.notEqual(id, undefined);
    assert.equal(getNamespaceId(socket, sandbox.namespace.fd), id);
    assert.ok(listNamespaceIds(socket).includes(id!));
    const back = getLink(sandbox.socket, 'eth0');
    assert.equal(back?.peer, getLink(socket, name)?.index);
    assert.notEqual(back?.peerNamespaceId, undefined);
  }
  assert.notEqual(getNamespaceId(socket, one.namespace.fd), getNamespaceId(socket, two.namespace.fd));
});

test('an ID can be given by hand, once', () => {
  using sandbox = createSandbox();
  socket.request(setNamespaceId(sandbox.namespace.fd, 77));
  assert.equal(getNamespaceId(socket, sandbox.namespace.fd), 77);
  assert.throws(
    () => socket.request(setNamespaceId(sandbox.namespace.fd, 78)),
    (error) => KernelError.isKernel(error, 'EEXIST'),
  );
});

test('a descriptor that is no namespace is refused', () => {
  assert.throws(
    () => getNamespaceId(socket, 0),
    (error) => KernelError.isKernel(error, 'EINVAL'),
  );
});
