/**
 * @module Rules that somebody else may take away. `nft flush ruleset`, with which Debian's nftables.service begins, takes
 * ours too, and with them isolation and published ports, without a word; so whoever changes rules is watched.
 */

import { MulticastSubscription } from '../kernel/multicast.ts';
import { type Author, authorOf } from '../kernel/nftables/author.ts';
import { NETLINK_NETFILTER } from '../kernel/uapi/netlink.ts';
import { NFNLGRP_NFTABLES } from '../kernel/uapi/nfnetlink.ts';

/** Whoever made a transaction whose word was dropped, as the kernel does when a lot is said at once. */
const SOMEBODY: Author = { pid: undefined, text: 'somebody' };
/** To be told at once takes a thread (kernel/readiness.ts), which weighs 20 MB; to look takes 5 µs. */
const LOOK_MS = 500;

/** Does not keep the process alive. */
export class RulesWatch implements Disposable {
  readonly #changes = new MulticastSubscription(NETLINK_NETFILTER, [NFNLGRP_NFTABLES]);
  readonly #timer: NodeJS.Timeout;

  /** `onChange` hears who else has changed rules of this namespace, of whichever table. @throws KernelError */
  constructor(onChange: (who: string) => void) {
    const look = (): void => {
      const who = this.#readAuthor();
      if (who !== undefined) onChange(who);
    };
    this.#timer = setInterval(look, LOOK_MS).unref();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#changes[Symbol.dispose]();
  }

  /** Reads all that waits: the last one who is not this process. */
  #readAuthor(): string | undefined {
    let who: string | undefined;
    for (let read = this.#changes.read(); read !== undefined; read = this.#changes.read()) {
      for (const notification of read) {
        const author = notification.kind === 'message' ? authorOf(notification.message) : SOMEBODY;
        if (author !== undefined && author.pid !== process.pid) who = author.text;
      }
    }
    return who;
  }
}
