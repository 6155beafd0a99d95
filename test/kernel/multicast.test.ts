/** @module Multicast subscriptions: changes arrive in order, and a lost one is told. */

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { MulticastSubscription } from '../../src/kernel/multicast.ts';
import { addAddress, parseInterfaceAddressMessage } from '../../src/kernel/rtnetlink/address.ts';
import { createBridge, deleteLink, parseLink, setLink } from '../../src/kernel/rtnetlink/link.ts';
import { NETLINK_ROUTE } from '../../src/kernel/uapi/netlink.ts';
import {
  RTM_DELLINK,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTNLGRP_IPV4_IFADDR,
  RTNLGRP_LINK,
} from '../../src/kernel/uapi/rtnetlink.ts';
import { createSandbox, link, linkName, openWorld } from './support.ts';

const socket = openWorld();
after(() => socket[Symbol.dispose]());

test('a link is born, gets an address, and dies: told in that order', async () => {
  const name = linkName();
  const subscription = new MulticastSubscription(NETLINK_ROUTE, [RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR]);
  setTimeout(() => {
    socket.request(createBridge({ name }));
    socket.request(addAddress(link(socket, name).index, '192.0.2.1/24'));
    socket.request(deleteLink(name));
  }, 20);
  const seen: string[] = [];
  for await (const notification of subscription) {
    assert.ok(notification.kind === 'message');
    const { message } = notification;
    if (message.type === RTM_NEWLINK) seen.push(`new ${parseLink(message).name}`);
    if (message.type === RTM_NEWADDR) seen.push(parseInterfaceAddressMessage(message).address);
    if (message.type === RTM_DELLINK) break;
  }
  assert.deepEqual([...new Set(seen)], [`new ${name}`, '192.0.2.1/24']);
});

test('changes in another namespace are told to a socket that was opened there, and only those', async () => {
  using sandbox = createSandbox();
  using inside = sandbox.namespace.enter(() => new MulticastSubscription(NETLINK_ROUTE, [RTNLGRP_LINK]));
  const elsewhere = linkName();
  socket.request(createBridge({ name: elsewhere }));
  sandbox.socket.request(createBridge({ name: 'inside' }));
  for await (const notification of inside) {
    assert.equal(notification.kind === 'message' && parseLink(notification.message).name, 'inside');
    break;
  }
  socket.request(deleteLink(elsewhere));
});

test('lost notifications are told as an overrun, and the subscription goes on', async () => {
  using subscription = new MulticastSubscription(NETLINK_ROUTE, [RTNLGRP_LINK], { receiveBufferBytes: 4096 });
  const name = linkName();
  socket.request(createBridge({ name }));
  for (let mtuBytes = 1000; mtuBytes < 1100; mtuBytes++) socket.request(setLink(name, { mtuBytes }));
  const kinds: string[] = [];
  for await (const notification of subscription) {
    kinds.push(notification.kind);
    // What changes once the overrun is told is not lost any more.
    if (notification.kind === 'overrun') socket.request(deleteLink(name));
    else if (notification.message.type === RTM_DELLINK) break;
  }
  assert.equal(kinds.filter((kind) => kind === 'overrun').length, 1);
  assert.ok(kinds.indexOf('overrun') < 100, 'fewer messages before it than there were changes');
});

test('ending a subscription ends the loop that waits on it', async () => {
  const subscription = new MulticastSubscription(NETLINK_ROUTE, [RTNLGRP_LINK]);
  setTimeout(() => subscription[Symbol.dispose](), 20);
  for await (const notification of subscription) assert.fail(JSON.stringify(notification));
  subscription[Symbol.dispose]();
});
