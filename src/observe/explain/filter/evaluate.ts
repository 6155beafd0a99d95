/**
 * @module Runs one base chain on a packet, as net/netfilter/nf_tables_core.c (nft_do_chain) and
 * net/ipv4/netfilter/ip_tables.c (ipt_do_table) do, and remembers what it could not know.
 */

import type { Action, Chain, FilterPacket, Rewrite, RuleReference, Table } from './packet.ts';

export interface ChainResult {
  readonly verdict: 'accept' | 'drop' | 'unknown';
  /** The rule, or the policy, that decided. */
  readonly rule: RuleReference | undefined;
  /** drop: the sender is told (reject). */
  readonly answered: boolean;
  readonly rewrite: { readonly rewrite: Rewrite; readonly rule: RuleReference } | undefined;
  /** Rules that might have matched, and would have changed the outcome. */
  readonly doubts: readonly RuleReference[];
}

/** The kernel's limits are 16 (nft) and the chain count (iptables); a loop cannot be loaded, but a snapshot is text. */
const JUMPS_MAX = 64;
/** A stranger's snapshot may hold a ruleset made to take for ever. */
const RULES_MAX = 200_000;

type End = { readonly action: Action; readonly rule: RuleReference };

/** Runs a base chain. Marks are changed in `packet`; a rewrite is returned, not applied. */
export function runChain(table: Table, chain: Chain, packet: FilterPacket): ChainResult {
  const doubts: RuleReference[] = [];
  let budget = RULES_MAX;

  const walk = (current: Chain, depth: number): End | undefined => {
    for (const rule of current.rules) {
      budget -= 1;
      if (budget < 0) return { action: { kind: 'unknown', what: 'too many rules' }, rule: rule.reference };
      const action = apply(rule.steps, packet, () => doubts.push(rule.reference));
      if (action === undefined || action.kind === 'continue') continue;
      if (action.kind === 'return') return undefined;
      if (action.kind !== 'jump' && action.kind !== 'goto') return { action, rule: rule.reference };
      const target = table.get(action.chain);
      if (target === undefined || depth >= JUMPS_MAX)
        return { action: { kind: 'unknown', what: `chain ${action.chain}` }, rule: rule.reference };
      const end = walk(target, depth + 1);
      if (end !== undefined) return end;
      if (action.kind === 'goto') return undefined;
    }
    return undefined;
  };

  const end = walk(chain, 0);
  const base = { doubts, rewrite: undefined, answered: false };
  if (end === undefined) {
    const policy = chain.base?.policy ?? 'accept';
    return { ...base, verdict: policy, rule: policy === 'drop' ? chain.base?.policyReference : undefined };
  }
  const { action, rule } = end;
  if (action.kind === 'rewrite')
    return { ...base, verdict: 'accept', rule, rewrite: { rewrite: action.rewrite, rule } };
  if (action.kind === 'drop') return { ...base, verdict: 'drop', rule, answered: action.answered };
  return { ...base, verdict: action.kind === 'unknown' ? 'unknown' : 'accept', rule };
}

/** The action of a rule whose conditions all hold. One whose conditions may hold is a doubt if it would end the walk. */
function apply(steps: Chain['rules'][number]['steps'], packet: FilterPacket, doubt: () => void): Action | undefined {
  let certain = true;
  for (const step of steps) {
    const outcome = step(packet);
    if (outcome === false) return undefined;
    if (outcome === true) continue;
    if (outcome === undefined) {
      certain = false;
      continue;
    }
    if (outcome.kind === 'mark') {
      if (!certain) doubt();
      else setMark(packet, outcome);
      continue;
    }
    if (outcome.kind === 'notrack') {
      if (certain) packet.state = 'untracked';
      continue;
    }
    if (outcome.kind === 'continue') continue;
    if (certain) return outcome;
    if (outcome.kind !== 'accept' && outcome.kind !== 'return') doubt();
    return undefined;
  }
  return undefined;
}

function setMark(packet: FilterPacket, { of, value, mask }: Extract<Action, { kind: 'mark' }>): void {
  const target = of === 'packet' ? packet : packet.connection;
  target.mark = ((target.mark & ~mask) | (value & mask)) >>> 0;
}
