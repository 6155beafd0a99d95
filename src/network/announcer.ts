/**
 * @module Tells the neighbours of a new endpoint where it is: gratuitous ARP and an unsolicited neighbour advertisement.
 *
 * A bridge port begins to forward when the kernel's link watch has seen both ends of the pair up. Linux 6.9 and later
 * look at once when a link is read; with an older kernel it takes some milliseconds, and the announcement is made in
 * the background, so that whoever attaches need not wait for it.
 */

import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { PontoonError } from '../errors.ts';
import { KernelError } from '../kernel/error.ts';
import { NetworkNamespace } from '../kernel/namespace.ts';
import { sendUnsolicitedAdvertisement } from '../kernel/neighbour-advertisement.ts';
import { NetlinkSocket } from '../kernel/netlink/socket.ts';
import { getLink, setLink } from '../kernel/rtnetlink/link.ts';
import { NETLINK_ROUTE } from '../kernel/uapi/netlink.ts';
import type { OpenNamespace } from './drivers/driver.ts';

const INTERVAL_MS = 10;
/** A port that does not forward after a second is down or blocked: then there is nobody to tell. */
const ATTEMPTS = 100;

export interface Announcement {
  readonly namespacePath: string;
  readonly interfaceName: string;
  readonly mac: string;
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

  /** Announces when the interface forwards: now, if it does, through `open`. One that is gone by then is not announced. */
  announce(announcement: Announcement, open: OpenNamespace): void {
    if (this.#attempt(announcement, open)) return;
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
  #attempt(announcement: Announcement, open?: OpenNamespace): boolean {
    try {
      if (!announcement.isForwarding()) return false;
      send(announcement, open);
      return true;
    } catch (error) {
      if (KernelError.isKernel(error, 'ENETUNREACH', 'EADDRNOTAVAIL', 'ENETDOWN')) return false; // IPv6 is not ready yet
      if (!PontoonError.is(error, 'namespace-not-found') && !KernelError.isKernel(error, 'ENODEV'))
        this.#onError(error as Error);
      return true;
    }
  }
}

function send(announcement: Announcement, open: OpenNamespace | undefined): void {
  if (open !== undefined) {
    sendThrough(open, announcement);
    return;
  }
  using namespace = NetworkNamespace.open(announcement.namespacePath);
  using rt = namespace.enter(() => new NetlinkSocket(NETLINK_ROUTE));
  sendThrough({ namespace, rt }, announcement);
}

function sendThrough(
  { namespace, rt }: Pick<OpenNamespace, 'namespace' | 'rt'>,
  { interfaceName, mac, ipv6 }: Announcement,
): void {
  // Until the kernel has seen that the interface has a carrier, it drops what is sent: to be read makes it look.
  const link = getLink(rt, interfaceName);
  if (link === undefined) return;
  if (ipv6 !== undefined) namespace.enter(() => sendUnsolicitedAdvertisement(link.index, ipv6, mac));
  // The kernel sends gratuitous ARP when a MAC is set on an interface that has arp_notify (net/ipv4/devinet.c).
  rt.request(setLink(link.index, { mac }));
}
