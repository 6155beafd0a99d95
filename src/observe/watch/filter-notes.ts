/**
 * @module What nftables tells of one namespace: tables, chains, rules, sets and elements that come and go, and whose
 * transaction it was. iptables in nf_tables shows up here, too; its legacy engine tells nobody anything.
 * @see net/netfilter/nf_tables_api.c nf_tables_commit
 */

import { Attributes, type NetlinkMessage } from '../../kernel/netlink/codec.ts';
import { NFGENMSG_BYTES } from '../../kernel/netlink/nfnetlink.ts';
import { authorOf } from '../../kernel/nftables/author.ts';
import * as uapi from '../../kernel/uapi/nf_tables.ts';
import { NFNL_SUBSYS_NFTABLES } from '../../kernel/uapi/nfnetlink.ts';
import type { ChangeKind, Noted } from './change.ts';

const FAMILIES: Readonly<Record<number, string>> = {
  [uapi.NFPROTO_INET]: 'inet',
  [uapi.NFPROTO_IPV4]: 'ip',
  [uapi.NFPROTO_ARP]: 'arp',
  [uapi.NFPROTO_NETDEV]: 'netdev',
  [uapi.NFPROTO_BRIDGE]: 'bridge',
  [uapi.NFPROTO_IPV6]: 'ip6',
};

interface Reader {
  readonly kind: ChangeKind;
  readonly action: Noted['action'];
  /** The attribute that holds the object's own name; the first one is the table's. */
  readonly name?: number;
}

const READERS: ReadonlyMap<number, Reader> = new Map<number, Reader>([
  [uapi.NFT_MSG_NEWTABLE, { kind: 'table', action: 'added' }],
  [uapi.NFT_MSG_DELTABLE, { kind: 'table', action: 'removed' }],
  [uapi.NFT_MSG_NEWCHAIN, { kind: 'chain', action: 'added', name: uapi.NFTA_CHAIN_NAME }],
  [uapi.NFT_MSG_DELCHAIN, { kind: 'chain', action: 'removed', name: uapi.NFTA_CHAIN_NAME }],
  [uapi.NFT_MSG_NEWRULE, { kind: 'filter-rule', action: 'added', name: uapi.NFTA_RULE_CHAIN }],
  [uapi.NFT_MSG_DELRULE, { kind: 'filter-rule', action: 'removed', name: uapi.NFTA_RULE_CHAIN }],
  [uapi.NFT_MSG_NEWSET, { kind: 'set', action: 'added', name: uapi.NFTA_SET_NAME }],
  [uapi.NFT_MSG_DELSET, { kind: 'set', action: 'removed', name: uapi.NFTA_SET_NAME }],
  [uapi.NFT_MSG_NEWSETELEM, { kind: 'element', action: 'added', name: uapi.NFTA_SET_ELEM_LIST_SET }],
  [uapi.NFT_MSG_DELSETELEM, { kind: 'element', action: 'removed', name: uapi.NFTA_SET_ELEM_LIST_SET }],
]);

/** Undefined: a message about something else. */
export function noteFilter(message: NetlinkMessage): Noted | undefined {
  if (message.type >> 8 !== NFNL_SUBSYS_NFTABLES) return undefined;
  const author = authorOf(message);
  if (author !== undefined)
    return { kind: 'transaction', action: 'changed', interface: null, text: `by ${author.text}` };
  const { type, payload } = message;
  const reader = READERS.get(type & 0xff);
  if (reader === undefined) return undefined;
  const attributes = new Attributes(payload, NFGENMSG_BYTES);
  const { kind, action, name } = reader;
  const handle = kind === 'filter-rule' ? attributes.bytes(uapi.NFTA_RULE_HANDLE) : undefined;
  const text = [
    FAMILIES[payload.readUInt8(0)] ?? '',
    attributes.string(uapi.NFTA_TABLE_NAME) ?? '',
    ...(name === undefined ? [] : [attributes.string(name) ?? '']),
    ...(handle?.length === 8 ? [`handle ${handle.readBigUInt64BE()}`] : []),
  ].join(' ');
  return { kind, action, interface: null, text };
}
