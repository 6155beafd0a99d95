/**
 * @module What a rule of a packet filter can see of a packet, and what a rule can do to it.
 *
 * Not everything that a rule asks is in a snapshot (rates, times, sockets): such a question has the answer `undefined`,
 * and the verdict says so if it hangs on it.
 */

import type { Address } from '../../../ipam/index.ts';

/** True, false, or not to be known from a snapshot. */
export type Truth = boolean | undefined;

export function and(a: Truth, b: Truth): Truth {
  if (a === false || b === false) return false;
  return a === undefined || b === undefined ? undefined : true;
}

export function not(truth: Truth): Truth {
  return truth === undefined ? undefined : !truth;
}

/** The kernel's kinds of address for one namespace (include/uapi/linux/rtnetlink.h, RTN_*). */
export type AddressKind =
  | 'local'
  | 'unicast'
  | 'broadcast'
  | 'multicast'
  | 'anycast'
  | 'blackhole'
  | 'unreachable'
  | 'prohibit'
  | 'unspec';

export interface FilterPacket {
  readonly family: 4 | 6;
  source: Address;
  destination: Address;
  /** 'icmp' for both families' ICMP. */
  readonly protocol: 'icmp' | 'tcp' | 'udp' | 'sctp';
  sourcePort: number | undefined;
  destinationPort: number | undefined;
  /** Whether it is an answer: a SYN and ACK, an echo reply. */
  readonly isAnswer: boolean;
  readonly lengthBytes: number;
  /** Names of interfaces; undefined where the hook has none. */
  readonly input: string | undefined;
  readonly output: string | undefined;
  /** The bridge ports, where a bridge hands its frames to the IP hooks. */
  readonly inputPort: string | undefined;
  readonly outputPort: string | undefined;
  mark: number;
  /** What connection tracking says of it. */
  state: 'new' | 'established' | 'related' | 'invalid' | 'untracked';
  readonly connection: {
    mark: number;
    dnat: boolean;
    snat: boolean;
    /** The packet that began it, before any rewrite. */
    readonly original: {
      readonly source: Address;
      readonly destination: Address;
      readonly sourcePort: number | undefined;
      readonly destinationPort: number | undefined;
    };
  };
  /** What an address is to this namespace. `onInterface`: only the addresses of the packet's own interface count. */
  kindOf(address: Address, onInterface: boolean): AddressKind;
  /** The interface that an address is reached through; undefined: none. */
  routeInterface(address: Address): string | undefined;
}

/** Which rule it was, in the words of the tool that shows it. */
export interface RuleReference {
  readonly tool: 'nft' | 'iptables' | 'ip6tables';
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  /** nft's handle; undefined for iptables and for a chain's policy. */
  readonly handle: number | undefined;
  /** iptables: its number in the chain, from 1. */
  readonly position: number | undefined;
  /** The rule, or 'policy drop'. */
  readonly text: string;
  readonly comment: string | undefined;
}

/** How a rule rewrites an address, a port, or both. Ports: the first and last to choose from. */
export interface Rewrite {
  readonly kind: 'dnat' | 'snat' | 'masquerade' | 'redirect';
  readonly address: Address | undefined;
  readonly ports: readonly [first: number, last: number] | undefined;
}

export type Action =
  | { readonly kind: 'accept' | 'return' | 'continue' | 'notrack' }
  | { readonly kind: 'drop'; readonly answered: boolean }
  | { readonly kind: 'jump' | 'goto'; readonly chain: string }
  | { readonly kind: 'mark'; readonly of: 'packet' | 'connection'; readonly value: number; readonly mask: number }
  | { readonly kind: 'rewrite'; readonly rewrite: Rewrite }
  /** A program or a table outside the filter decides: a queue, tproxy, an unknown target. */
  | { readonly kind: 'unknown'; readonly what: string };

/** Some condition and what follows. Steps of a rule run in order until one does not hold. */
export type Step = (packet: FilterPacket) => Truth | Action;

export interface Rule {
  readonly reference: RuleReference;
  readonly steps: readonly Step[];
}

export type Hook = 'ingress' | 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting';

export interface Chain {
  /** What jumps name it by: unique within its table. */
  readonly name: string;
  readonly table: string;
  /** 'ip', 'ip6', 'inet', 'bridge', 'netdev'. */
  readonly family: string;
  /** Undefined: only reached by a jump. */
  readonly base:
    | {
        readonly hook: Hook;
        readonly type: 'filter' | 'nat' | 'route';
        readonly priority: number;
        readonly policy: 'accept' | 'drop';
        /** ingress. */
        readonly device: string | undefined;
        readonly policyReference: RuleReference;
      }
    | undefined;
  readonly rules: readonly Rule[];
}

/** All chains of one tool's table, by name. */
export type Table = ReadonlyMap<string, Chain>;
