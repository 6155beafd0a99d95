/**
 * @module Rules that somebody else may take away. `nft flush ruleset`, with which Debian's nftables.service begins, takes
 * ours too, and with them isolation and published ports, without a word; so whoever changes rules is watched.
 */

import { KernelError } from '../kernel/error.ts';
import { Attributes, type NetlinkMessage } from '../kernel/netlink/codec.ts';
import { NFGENMSG_BYTES, nfnetlinkType } from '../kernel/netlink/nfnetlink.ts';
import { NetlinkSocket } from '../kernel/netlink/socket.ts';
import { NETLINK_NETFILTER } from '../kernel/uapi/netlink.ts';
import { NFT_MSG_NEWGEN, NFTA_GEN_PROC_NAME, NFTA_GEN_PROC_PID } from '../kernel/uapi/nf_tables.ts';
import { NFNL_SUBSYS_NFTABLES, NFNLGRP_NFTABLES } from '../kernel/uapi/nfnetlink.ts';

const TRANSACTION = nfnetlinkType(NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWGEN);
/** A flush of many tables says a lot at once. */
const BUFFER_BYTES = 1024 * 1024;
/** To be told at once takes a thread (kernel/readiness.ts), which weighs 20 MB; to look takes 5 µs. */
const LOOK_MS = 500;

/** Does not keep the process alive. */
export class RulesWatch implements Disposable {
  readonly #socket = new NetlinkSocket(NETLINK_NETFILTER, {
    groups: [NFNLGRP_NFTABLES],
    receiveBufferBytes: BUFFER_BYTES,
  });
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
    this.#socket[Symbol.dispose]();
  }

  /** Reads all that waits: the last one who is not this process. */
  #readAuthor(): string | undefined {
    let author: string | undefined;
    for (;;) {
      try {
        const messages = this.#socket.receive();
        if (messages === undefined) return author;
        for (const message of messages) author = authorOf(message) ?? author;
      } catch (error) {
        if (!KernelError.isKernel(error, 'ENOBUFS')) throw error;
        author = 'somebody'; // some were dropped
      }
    }
  }
}

/** Every transaction ends with a word on who made it. */
function authorOf({ type, payload }: NetlinkMessage): string | undefined {
  if (type !== TRANSACTION) return undefined;
  const attributes = new Attributes(payload, NFGENMSG_BYTES);
  const pid = attributes.u32be(NFTA_GEN_PROC_PID);
  return pid === process.pid ? undefined : `${attributes.string(NFTA_GEN_PROC_NAME) ?? 'somebody'} (process ${pid})`;
}
