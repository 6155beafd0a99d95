/**
 * @module nftables says which rules a packet met: a table of ours marks the packets to be traced (nftrace), and the kernel
 * tells each rule's verdict on a netlink group.
 *
 * The table has an owner, our socket: the kernel removes it when the socket closes, also when the process is killed.
 * @see net/netfilter/nf_tables_trace.c, NFT_TABLE_F_OWNER
 */

import { PontoonError } from '../errors.ts';
import { KernelError } from './error.ts';
import { NetworkNamespace } from './namespace.ts';
import { Attributes } from './netlink/codec.ts';
import { NFGENMSG_BYTES, nfnetlinkType } from './netlink/nfnetlink.ts';
import { NetlinkSocket } from './netlink/socket.ts';
import { Nftables } from './nftables/ruleset.ts';
import { NETLINK_NETFILTER } from './uapi/netlink.ts';
import { NFNL_SUBSYS_NFTABLES } from './uapi/nfnetlink.ts';

export interface RuleTrace {
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  /** Undefined for a chain's policy. */
  readonly handle: number | undefined;
  readonly verdict: 'accept' | 'drop' | 'other';
  readonly isPolicy: boolean;
}

// include/uapi/linux/netfilter/nf_tables.h, nfnetlink.h
const NFNLGRP_NFTRACE = 9;
const NFT_MSG_TRACE = 17;
const NFTA_TRACE_TABLE = 1;
const NFTA_TRACE_CHAIN = 2;
const NFTA_TRACE_RULE_HANDLE = 3;
const NFTA_TRACE_TYPE = 4;
const NFTA_TRACE_VERDICT = 5;
const NFTA_TRACE_POLICY = 16;
const NFTA_VERDICT_CODE = 1;
const NFT_TRACETYPE_POLICY = 1;
const FAMILIES: Readonly<Record<number, string>> = {
  1: 'inet',
  2: 'ip',
  3: 'arp',
  5: 'netdev',
  7: 'bridge',
  10: 'ip6',
};
const TABLE = 'pontoon-trace';

/** Traces packets between addresses in one namespace, from its making to its end. */
export class RuleTraces implements Disposable {
  readonly #socket: NetlinkSocket;
  readonly #rules: Nftables;
  readonly #namespace: NetworkNamespace;

  /** The namespace is opened at `path`. @throws KernelError, PontoonError feature-missing without libnftables */
  constructor(path: string, addresses: readonly string[]) {
    const namespace = NetworkNamespace.open(path);
    this.#namespace = namespace;
    try {
      this.#socket = namespace.enter(() => new NetlinkSocket(NETLINK_NETFILTER, { groups: [NFNLGRP_NFTRACE] }));
      this.#rules = new Nftables(namespace);
      // A table can only belong to a socket that stays open, which the library's does and the command's does not.
      if (this.#rules.backend !== 'library') {
        throw new PontoonError(
          'feature-missing',
          'rules cannot be traced without libnftables: apt-get install libnftables1',
        );
      }
      this.#rules.run(rulesFor(addresses));
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#rules?.[Symbol.dispose]();
    this.#socket?.[Symbol.dispose]();
    this.#namespace[Symbol.dispose]();
  }

  /** What was told since the last call. */
  read(): RuleTrace[] {
    const traces: RuleTrace[] = [];
    for (;;) {
      let messages: ReturnType<NetlinkSocket['receive']>;
      try {
        messages = this.#socket.receive();
      } catch (error) {
        if (KernelError.isKernel(error, 'ENOBUFS')) continue;
        throw error;
      }
      if (messages === undefined) return traces;
      for (const { type, payload } of messages) {
        if (type !== nfnetlinkType(NFNL_SUBSYS_NFTABLES, NFT_MSG_TRACE)) continue;
        const trace = parse(payload);
        if (trace.table !== TABLE) traces.push(trace);
      }
    }
  }
}

function rulesFor(addresses: readonly string[]): string[] {
  const commands = [`add table inet ${TABLE} { flags owner; }`];
  for (const hook of ['prerouting', 'output'] as const) {
    commands.push(`add chain inet ${TABLE} ${hook} { type filter hook ${hook} priority -400; policy accept; }`);
    for (const [word, family] of [
      ['ip', 4],
      ['ip6', 6],
    ] as const) {
      const own = addresses.filter((address) => address.includes(':') === (family === 6));
      if (own.length === 0) continue;
      const set = `{ ${own.join(', ')} }`;
      commands.push(`add rule inet ${TABLE} ${hook} ${word} saddr ${set} ${word} daddr ${set} meta nftrace set 1`);
    }
  }
  return commands;
}

function parse(payload: Buffer): RuleTrace {
  const attributes = new Attributes(payload, NFGENMSG_BYTES);
  const isPolicy = attributes.u32be(NFTA_TRACE_TYPE) === NFT_TRACETYPE_POLICY;
  const code = isPolicy
    ? attributes.u32be(NFTA_TRACE_POLICY)
    : attributes.nested(NFTA_TRACE_VERDICT)?.u32be(NFTA_VERDICT_CODE);
  const handle = attributes.bytes(NFTA_TRACE_RULE_HANDLE);
  return {
    family: FAMILIES[payload.readUInt8(0)] ?? '',
    table: attributes.string(NFTA_TRACE_TABLE) ?? '',
    chain: attributes.string(NFTA_TRACE_CHAIN) ?? '',
    handle: handle?.length === 8 ? Number(handle.readBigUInt64BE()) : undefined,
    verdict: code === 0 ? 'drop' : code === 1 ? 'accept' : 'other',
    isPolicy,
  };
}
