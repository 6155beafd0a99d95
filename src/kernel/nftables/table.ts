/**
 * @module Tables, chains and rules as requests of a transaction.
 * @see net/netfilter/nf_tables_api.c
 */

import { NLM_F_APPEND, NLM_F_CREATE } from '../uapi/netlink.ts';
import * as nf from '../uapi/nf_tables.ts';
import { type NftRequest, nftRequest, type Table } from './batch.ts';
import { encodeComment } from './data.ts';
import type { Expression } from './expressions.ts';

const HOOKS = {
  prerouting: nf.NF_INET_PRE_ROUTING,
  input: nf.NF_INET_LOCAL_IN,
  forward: nf.NF_INET_FORWARD,
  output: nf.NF_INET_LOCAL_OUT,
  postrouting: nf.NF_INET_POST_ROUTING,
  /** Of a netdev table, for one interface. */
  ingress: nf.NF_NETDEV_INGRESS,
};

/** Priorities by which chains of one hook are ordered, by their names in nft (linux/netfilter_ipv4.h). */
export const PRIORITIES = { raw: -300, mangle: -150, dstnat: -100, filter: 0, security: 50, srcnat: 100 } as const;

export interface Chain {
  readonly table: Table;
  readonly name: string;
  /** Where packets enter it. A chain without a hook is entered by jumps. */
  readonly base?: {
    readonly type: 'filter' | 'nat' | 'route';
    readonly hook: keyof typeof HOOKS;
    readonly priority: number;
    /** The interface, for the hook ingress. */
    readonly device?: string;
    /** Default: accept. */
    readonly policy?: 'accept' | 'drop';
  };
}

/** Adds a table; nothing changes when it is there already. */
export function addTable(table: Table): NftRequest {
  return nftRequest(table, { call: 'NFT_MSG_NEWTABLE', type: nf.NFT_MSG_NEWTABLE, flags: NLM_F_CREATE }, (message) =>
    message.string(nf.NFTA_TABLE_NAME, table.name),
  );
}

/** Deletes a table with all that is in it. The kernel refuses with ENOENT when there is none. */
export function deleteTable(table: Table): NftRequest {
  return nftRequest(table, { call: 'NFT_MSG_DELTABLE', type: nf.NFT_MSG_DELTABLE }, (message) =>
    message.string(nf.NFTA_TABLE_NAME, table.name),
  );
}

/** Adds a chain; nothing changes when it is there already. */
export function addChain(chain: Chain): NftRequest {
  return nftRequest(
    chain.table,
    { call: 'NFT_MSG_NEWCHAIN', type: nf.NFT_MSG_NEWCHAIN, flags: NLM_F_CREATE, subject: chain.name },
    (message) => {
      message.string(nf.NFTA_CHAIN_TABLE, chain.table.name).string(nf.NFTA_CHAIN_NAME, chain.name);
      if (chain.base === undefined) return;
      const { type, hook, priority, device, policy } = chain.base;
      message.nest(nf.NFTA_CHAIN_HOOK, (nested) => {
        nested.u32be(nf.NFTA_HOOK_HOOKNUM, HOOKS[hook]).u32be(nf.NFTA_HOOK_PRIORITY, priority);
        if (device !== undefined) nested.string(nf.NFTA_HOOK_DEV, device);
      });
      message.u32be(nf.NFTA_CHAIN_POLICY, policy === 'drop' ? nf.NF_DROP : nf.NF_ACCEPT);
      message.string(nf.NFTA_CHAIN_TYPE, type);
    },
  );
}

/** Adds a rule behind the others of its chain: what its expressions match, and what they then do. */
export function addRule(chain: Chain, expressions: readonly Expression[], comment?: string): NftRequest {
  const flags = NLM_F_CREATE | NLM_F_APPEND;
  return nftRequest(
    chain.table,
    { call: 'NFT_MSG_NEWRULE', type: nf.NFT_MSG_NEWRULE, flags, subject: `${chain.name} (${comment ?? 'a rule'})` },
    (message) => {
      message.string(nf.NFTA_RULE_TABLE, chain.table.name).string(nf.NFTA_RULE_CHAIN, chain.name);
      message.nest(nf.NFTA_RULE_EXPRESSIONS, (list) => {
        for (const { name, write } of expressions) {
          list.nest(nf.NFTA_LIST_ELEM, (element) =>
            element.string(nf.NFTA_EXPR_NAME, name).nest(nf.NFTA_EXPR_DATA, write),
          );
        }
      });
      if (comment !== undefined) message.bytes(nf.NFTA_RULE_USERDATA, encodeComment(comment));
    },
  );
}
