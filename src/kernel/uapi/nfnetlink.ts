/**
 * @module nfnetlink's constants, names kept verbatim. A test compares each with the kernel's own headers.
 * @see linux/netfilter/nfnetlink.h
 */

// nfnetlink.h
export const NFNETLINK_V0 = 0;
export const NFNL_SUBSYS_CTNETLINK = 1;
export const NFNL_SUBSYS_NFTABLES = 10;
export const NFNL_MSG_BATCH_BEGIN = 16;
export const NFNL_MSG_BATCH_END = 17;
export const NFNLGRP_NFTABLES = 7;
