/**
 * @module Netlink notifications as an async iterable: what changes in a network namespace, as it changes.
 *
 * The kernel drops notifications when the reader is too slow. That is told, never hidden: an 'overrun' item stands where
 * some are missing, and whoever keeps a picture of the kernel's state then reads it anew.
 */

import { KernelError } from './error.ts';
import type { NetlinkMessage } from './netlink/codec.ts';
import { NetlinkSocket } from './netlink/socket.ts';
import { readable } from './readiness.ts';

export type Notification =
  | { readonly kind: 'message'; readonly message: NetlinkMessage }
  /** Some notifications before this one were lost: read the objects again. */
  | { readonly kind: 'overrun' };

export interface MulticastOptions {
  /** How much may wait for a busy reader, about 1 KiB per change of a link. Default: 1 MiB. */
  readonly receiveBufferBytes?: number;
}

/**
 * A subscription, for one reader. It opens its socket in the current namespace and stays with that one. It ends with
 * its scope (`using`) or with the loop that reads it.
 */
export class MulticastSubscription implements AsyncIterable<Notification>, Disposable {
  readonly #socket: NetlinkSocket;
  readonly #end = new AbortController();

  /** Joins groups of a netlink protocol, by number: NETLINK_ROUTE and RTNLGRP_LINK, for example. @throws KernelError */
  constructor(protocol: number, groups: readonly number[], options: MulticastOptions = {}) {
    const receiveBufferBytes = options.receiveBufferBytes ?? 1024 * 1024;
    this.#socket = new NetlinkSocket(protocol, { groups, receiveBufferBytes });
  }

  /** Leaves the groups. An iteration that waits ends. */
  [Symbol.dispose](): void {
    if (this.#end.signal.aborted) return;
    this.#end.abort();
    this.#socket[Symbol.dispose]();
  }

  /** All notifications since the subscription was made. Waiting for one keeps the process alive. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Notification, void, void> {
    const { signal } = this.#end;
    try {
      while (!signal.aborted) {
        const notifications = this.read();
        if (notifications !== undefined) yield* notifications;
        else await readable(this.#socket.fd, signal);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      this[Symbol.dispose]();
    }
  }

  /**
   * The messages of one datagram that waits, or undefined: for who looks now and then instead of waiting. Once the kernel
   * has dropped some it goes on to drop, without a word, until the queue is empty (NETLINK_S_CONGESTED). So after an
   * overrun the queue is emptied first, and the item that asks to read the objects anew comes last.
   */
  read(): Notification[] | undefined {
    const notifications: Notification[] = [];
    let overrun = false;
    do {
      try {
        const messages = this.#socket.receive();
        if (messages === undefined) break;
        for (const message of messages) notifications.push({ kind: 'message', message });
      } catch (error) {
        if (!KernelError.isKernel(error, 'ENOBUFS')) throw error;
        overrun = true;
      }
    } while (overrun);
    if (overrun) notifications.push({ kind: 'overrun' });
    return notifications.length === 0 ? undefined : notifications;
  }
}
