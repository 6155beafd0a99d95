/**
 * @module Who touches what: the notifications of the kernel in several namespaces, as names of the objects that changed.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { Attributes, type NetlinkMessage } from '../../src/kernel/netlink/codec.ts';
import { NetlinkSocket } from '../../src/kernel/netlink/socket.ts';
import { getLink, listLinks } from '../../src/kernel/rtnetlink/link.ts';
import { NETLINK_NETFILTER, NETLINK_ROUTE } from '../../src/kernel/uapi/netlink.ts';
import * as uapi from '../../src/kernel/uapi/rtnetlink.ts';
import { inside, type Place } from './lab.ts';

const RTNLGRP = { link: 1, ipv4Address: 5, ipv4Route: 7, ipv6Address: 9, ipv6Route: 11 };
const NFNLGRP_NFTABLES = 7;
const RTA_OIF = 4;
const QUIET_MS = 150;

/** Watches links, addresses, routes and nftables in places by name. */
export class Watch implements Disposable {
  readonly #watched: { name: string; links: Map<number, string>; rt: NetlinkSocket; nft: NetlinkSocket }[];

  constructor(places: Readonly<Record<string, Place>>) {
    this.#watched = Object.entries(places).map(([name, place]) =>
      inside(place, () => {
        const groups = Object.values(RTNLGRP);
        const rt = new NetlinkSocket(NETLINK_ROUTE, { groups, receiveBufferBytes: 4 << 20 });
        const nft = new NetlinkSocket(NETLINK_NETFILTER, { groups: [NFNLGRP_NFTABLES], receiveBufferBytes: 4 << 20 });
        using asking = new NetlinkSocket(NETLINK_ROUTE);
        const links = listLinks(asking);
        // The kernel tells of a carrier up to a second late (linkwatch), unless somebody asks for the link itself.
        for (const { index } of links) getLink(asking, index);
        return { name, links: new Map(links.map((link) => [link.index, link.name])), rt, nft };
      }),
    );
  }

  [Symbol.dispose](): void {
    for (const { rt, nft } of this.#watched) {
      rt[Symbol.dispose]();
      nft[Symbol.dispose]();
    }
  }

  /** What changed since last asked, sorted: 'PLACE LINK' or 'PLACE nft'. Waits until nothing changes any more. */
  async changes(): Promise<string[]> {
    const all = new Set<string>();
    for (;;) {
      await sleep(QUIET_MS);
      const now = this.#watched.flatMap(({ name, links, rt, nft }) => [
        ...[...read(rt)].map((message) => `${name} ${linkOf(message, links)}`),
        ...[...read(nft)].map(() => `${name} nft`),
      ]);
      if (now.length === 0) return [...all].sort();
      for (const change of now) all.add(change);
    }
  }
}

function* read(socket: NetlinkSocket): Generator<NetlinkMessage> {
  for (let messages = socket.receive(); messages !== undefined; messages = socket.receive()) yield* messages;
}

/** The name of the link that a notification is about. */
function linkOf({ type, payload }: NetlinkMessage, links: Map<number, string>): string {
  if (type === uapi.RTM_NEWROUTE || type === uapi.RTM_DELROUTE) {
    const index = new Attributes(payload, 12).u32(RTA_OIF);
    return links.get(index ?? 0) ?? `link ${index}`;
  }
  const index = payload.readInt32LE(4);
  if (type === uapi.RTM_NEWLINK || type === uapi.RTM_DELLINK) {
    const name = new Attributes(payload, 16).string(uapi.IFLA_IFNAME);
    if (name !== undefined) links.set(index, name);
  }
  return links.get(index) ?? `link ${index}`;
}
