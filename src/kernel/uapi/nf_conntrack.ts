/**
 * @module Connection tracking's constants, names kept verbatim. A test compares each with the kernel's own headers.
 * @see linux/netfilter/nfnetlink_conntrack.h, linux/netfilter/nf_conntrack_common.h
 */

// nfnetlink_conntrack.h: messages
export const IPCTNL_MSG_CT_GET = 1;
export const IPCTNL_MSG_CT_DELETE = 2;
export const IPCTNL_MSG_CT_GET_STATS = 5;
export const CTA_STATS_GLOBAL_ENTRIES = 1;

// nfnetlink_conntrack.h: one flow
export const CTA_TUPLE_ORIG = 1;
export const CTA_TUPLE_REPLY = 2;
export const CTA_STATUS = 3;
export const CTA_TIMEOUT = 7;
export const CTA_MARK = 8;
export const CTA_ID = 12;
export const CTA_FILTER = 25;
export const CTA_FILTER_ORIG_FLAGS = 1;
export const CTA_FILTER_REPLY_FLAGS = 2;

// nfnetlink_conntrack.h: one direction of a flow
export const CTA_TUPLE_IP = 1;
export const CTA_TUPLE_PROTO = 2;
export const CTA_IP_V4_SRC = 1;
export const CTA_IP_V4_DST = 2;
export const CTA_IP_V6_SRC = 3;
export const CTA_IP_V6_DST = 4;
export const CTA_PROTO_NUM = 1;
export const CTA_PROTO_SRC_PORT = 2;
export const CTA_PROTO_DST_PORT = 3;

// nf_conntrack_common.h: status
export const IPS_SEEN_REPLY = 2;
export const IPS_ASSURED = 4;
export const IPS_SRC_NAT = 16;
export const IPS_DST_NAT = 32;
