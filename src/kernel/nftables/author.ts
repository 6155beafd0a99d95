/** @module Who changed nftables: each transaction ends, among the notifications, with a word on the process that made it. */

import { Attributes, type NetlinkMessage } from '../netlink/codec.ts';
import { NFGENMSG_BYTES, nfnetlinkType } from '../netlink/nfnetlink.ts';
import * as nf from '../uapi/nf_tables.ts';
import { NFNL_SUBSYS_NFTABLES } from '../uapi/nfnetlink.ts';

const TRANSACTION = nfnetlinkType(NFNL_SUBSYS_NFTABLES, nf.NFT_MSG_NEWGEN);

export interface Author {
  readonly pid: number | undefined;
  /** 'nft (process 17)', for people. */
  readonly text: string;
}

/** Undefined: a message about something else. */
export function authorOf({ type, payload }: NetlinkMessage): Author | undefined {
  if (type !== TRANSACTION) return undefined;
  const attributes = new Attributes(payload, NFGENMSG_BYTES);
  const pid = attributes.u32be(nf.NFTA_GEN_PROC_PID);
  return { pid, text: `${attributes.string(nf.NFTA_GEN_PROC_NAME) ?? 'somebody'} (process ${pid ?? '?'})` };
}
