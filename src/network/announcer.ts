/**
 * @module Tells the neighbours of a new endpoint where it is: gratuitous ARP and an unsolicited neighbour advertisement.
 *
 * A bridge port begins to forward a moment after both ends of the pair are up, when the kernel's link watch has run.
 * So the announcement is made in the background, when the port forwards; whoever attaches does not wait for it.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { PontoonError } from '../errors.ts';
import { KernelError } from '../kernel/error.ts';
import { NetworkNamespace } from '../kernel/namespace.ts';
import { sendUnsolicitedAdvertisement } from '../kernel/neighbour-advertisement.ts';
import { NetlinkSocket } from '../kernel/netlink/socket.ts';
import { getLink, setLink } from '../kernel/rtnetlink/link.ts';
import { NETLINK_ROUTE } from '../kernel/uapi/netlink.ts';
import { IPV4_DEVCONF_ARP_NOTIFY } from '../kernel/uapi/rtnetlink.ts';

const RETRY_MS = 10;
/** A port that does not forward after a second is down or blocked: then there is nobody to tell. */
const ATTEMPTS = 100;

export interface Announcement {
  readonly namespacePath: string;
  readonly interfaceName: string;
  readonly ipv6: string | undefined;
  /** Whether frames from the interface get through by now. */
  readonly isForwarding: () => boolean;
}

export class Announcer {
  readonly #pending = new Set<Promise<void>>();
  readonly #onError: (error: Error) => void;

  constructor(onError: (error: Error) => void) {
    this.#onError = onError;
  }

  /** Announces when the interface forwards. One that is gone by then is not announced. */
  announce(announcement: Announcement): void {
    const pending = this.#whenForwarding(announcement)
      .catch(this.#onError)
      .finally(() => this.#pending.delete(pending));
    this.#pending.add(pending);
  }

  /** Resolves when all announcements are made. */
  async settled(): Promise<void> {
    await Promise.all(this.#pending);
  }

  async #whenForwarding(announcement: Announcement): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      await sleep(RETRY_MS);
      if (!announcement.isForwarding()) continue;
      try {
        announceNow(announcement);
        return;
      } catch (error) {
        if (PontoonError.is(error, 'namespace-not-found') || KernelError.isKernel(error, 'ENODEV')) return;
        if (!KernelError.isKernel(error, 'ENETUNREACH', 'EADDRNOTAVAIL', 'ENETDOWN')) throw error; // IPv6 is not ready yet
      }
    }
  }
}

function announceNow({ namespacePath, interfaceName, ipv6 }: Announcement): void {
  using namespace = NetworkNamespace.open(namespacePath);
  namespace.enter(() => {
    using rt = new NetlinkSocket(NETLINK_ROUTE);
    const link = getLink(rt, interfaceName);
    if (link?.mac === undefined) return;
    if (ipv6 !== undefined) sendUnsolicitedAdvertisement(link.index, ipv6, link.mac);
    // The kernel sends gratuitous ARP when a MAC is set on an interface that has arp_notify (net/ipv4/devinet.c).
    rt.batch([setLink(link.index, { ipv4: { [IPV4_DEVCONF_ARP_NOTIFY]: 1 } }), setLink(link.index, { mac: link.mac })]);
  });
}
