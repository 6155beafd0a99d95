/**
 * @module What the tests of the kernel layer share: a socket in a world that is theirs alone, and links to play with.
 */

import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NetworkNamespace } from '../../src/kernel/namespace.ts';
import { NetlinkSocket } from '../../src/kernel/netlink/socket.ts';
import { createVeth, deleteLink, getLink, type Link, listLinks, setLink } from '../../src/kernel/rtnetlink/link.ts';
import { NETLINK_ROUTE } from '../../src/kernel/uapi/netlink.ts';

const directory = mkdtempSync(join(tmpdir(), 'pontoon-kernel-'));
let serial = 0;

/** An rtnetlink socket in this process's namespace, which must be a fresh one: the machine's own is never touched. */
export function openWorld(): NetlinkSocket {
  const socket = new NetlinkSocket(NETLINK_ROUTE);
  const strangers = listLinks(socket).filter(({ name }) => name !== 'lo');
  if (strangers.length > 0) {
    throw new Error(`${strangers[0]?.name} is here: run kernel tests in a world, scripts/in-world node --test FILE`);
  }
  return socket;
}

/** A name for a link that no other test has. */
export function linkName(prefix = 't'): string {
  return `${prefix}${serial++}`;
}

/** A namespace of its own with an rtnetlink socket inside; both end with the scope. */
export function createSandbox() {
  const path = join(directory, `ns${serial++}`);
  const namespace = NetworkNamespace.create(path);
  const socket = namespace.enter(() => new NetlinkSocket(NETLINK_ROUTE));
  return {
    path,
    namespace,
    socket,
    [Symbol.dispose]() {
      socket[Symbol.dispose]();
      namespace[Symbol.dispose]();
      NetworkNamespace.unpin(path);
    },
  };
}

/** A veth pair with both ends in the socket's namespace, up, without addresses; it goes with the scope. */
export function createPair(socket: NetlinkSocket, settings: { up?: boolean } = {}) {
  const name = linkName('a');
  const peerName = linkName('b');
  socket.request(createVeth({ name, peer: { name: peerName } }));
  const left = link(socket, name);
  const right = link(socket, peerName);
  if (settings.up ?? true) {
    for (const { index } of [left, right]) socket.request(setLink(index, { linkLocal: 'none' }));
    for (const { index } of [left, right]) socket.request(setLink(index, { up: true }));
    // The end that came up first drops what it is to send until the kernel has dealt with its carrier; reading a link
    // makes the kernel do that (linkwatch_sync_dev).
    for (const { index } of [left, right]) link(socket, index);
  }
  return {
    left,
    right,
    [Symbol.dispose]() {
      if (getLink(socket, left.index) !== undefined) socket.request(deleteLink(left.index));
    },
  };
}

/** A link that must be there. */
export function link(socket: NetlinkSocket, name: string | number): Link {
  const found = getLink(socket, name);
  if (found === undefined) throw new Error(`no link ${name}`);
  return found;
}

/** Waits until `condition` holds; the limit is there to see a hang. */
export async function until(condition: () => boolean, what: string, limitMs = 30_000): Promise<void> {
  const end = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`still not: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
