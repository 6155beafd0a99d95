/**
 * @module Tells the neighbours of a new endpoint where it is: gratuitous ARP and an unsolicited neighbour advertisement.
 *
 * A bridge port begins to forward a moment after both ends of the pair are up, when the kernel's link watch has run.
 * So the announcement is made in the background, when the port forwards; whoever attaches does not wait for it.
 */

import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { PontoonError } from '../errors.ts';
import { KernelError } from '../kernel/error.ts';
import { NetworkNamespace } from '../kernel/namespace.ts';
import { sendUnsolicitedAdvertisement } from '../kernel/neighbour-advertisement.ts';
import { NetlinkSocket } from '../kernel/netlink/socket.ts';
import { getLink, setLink } from '../kernel/rtnetlink/link.ts';
import { NETLINK_ROUTE } from '../kernel/uapi/netlink.ts';
import { IPV4_DEVCONF_ARP_NOTIFY } from '../kernel/uapi/rtnetlink.ts';

const INTERVAL_MS = 10;
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
  readonly #onError: (error: Error) => void;
  #waiting: { readonly announcement: Announcement; attempts: number }[] = [];
  #working: Promise<void> | undefined;

  constructor(onError: (error: Error) => void) {
    this.#onError = onError;
  }

  /** Announces when the interface forwards. One that is gone by then is not announced. */
  announce(announcement: Announcement): void {
    this.#waiting.push({ announcement, attempts: 0 });
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined;
    });
  }

  /** Resolves when all announcements are made. */
  async settled(): Promise<void> {
    await this.#working;
  }

  async #work(): Promise<void> {
    while (this.#waiting.length > 0) {
      await sleep(INTERVAL_MS);
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const one of waiting) {
        if (!this.#attempt(one.announcement) && ++one.attempts < ATTEMPTS) this.#waiting.push(one);
        await nextTurn();
      }
    }
  }

  /** True when there is nothing more to do. */
  #attempt(announcement: Announcement): boolean {
    try {
      if (!announcement.isForwarding()) return false;
      announceNow(announcement);
      return true;
    } catch (error) {
      if (KernelError.isKernel(error, 'ENETUNREACH', 'EADDRNOTAVAIL', 'ENETDOWN')) return false; // IPv6 is not ready yet
      if (!PontoonError.is(error, 'namespace-not-found') && !KernelError.isKernel(error, 'ENODEV'))
        this.#onError(error as Error);
      return true;
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
