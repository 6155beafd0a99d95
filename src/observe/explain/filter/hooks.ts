/**
 * @module All packet filters of one namespace, hook by hook in the order of their priorities, with what connection
 * tracking does between them (include/uapi/linux/netfilter_ipv4.h; net/netfilter/nf_nat_core.c).
 */

import type { Namespace } from '../../snapshot/types.ts';
import { type ChainResult, runChain } from './evaluate.ts';
import { readIptables } from './iptables.ts';
import { readNftRuleset } from './nft.ts';
import type { Json } from './nft-data.ts';
import type { Chain, FilterPacket, Hook, Rewrite, RuleReference, Table } from './packet.ts';

export interface HookResult {
  readonly verdict: 'accept' | 'drop' | 'unknown';
  readonly rule: RuleReference | undefined;
  readonly answered: boolean;
  /** Rules that let the packet pass, last one first where it matters. */
  readonly passed: readonly RuleReference[];
  readonly rewrite: { readonly rewrite: Rewrite; readonly rule: RuleReference } | undefined;
  readonly doubts: readonly RuleReference[];
}

const PASS: HookResult = {
  verdict: 'accept',
  rule: undefined,
  answered: false,
  passed: [],
  rewrite: undefined,
  doubts: [],
};

/** Chains at or before this priority run before connections are tracked (NF_IP_PRI_CONNTRACK). */
const CONNTRACK_PRIORITY = -200;

interface BaseChain {
  readonly table: Table;
  readonly chain: Chain;
  readonly base: NonNullable<Chain['base']>;
}

export class PacketFilter {
  readonly #chains: readonly BaseChain[];
  /** Whether anything here needs connections to be tracked; the kernel tracks none before. */
  readonly tracks: boolean;

  constructor(namespace: Namespace) {
    const tables: Table[] = [
      ...readNftRuleset(withoutXtables(namespace) as readonly Json[]),
      ...namespace.xtables.flatMap(({ family, text }) =>
        family === 4 || family === 6 ? readIptables(text, family) : [],
      ),
    ];
    this.#chains = tables
      .flatMap((table) =>
        [...table.values()].flatMap((chain) => (chain.base === undefined ? [] : [{ table, chain, base: chain.base }])),
      )
      .sort((a, b) => a.base.priority - b.base.priority);
    this.tracks =
      this.#chains.some(({ base: { type } }) => type === 'nat') ||
      tables.some((table) => [...table.values()].some(asksForConnections));
  }

  get isEmpty(): boolean {
    return this.#chains.length === 0;
  }

  has(hook: Hook): boolean {
    return this.#chains.some(({ base }) => base.hook === hook);
  }

  /**
   * Runs the hook's chains in order until one drops. `mayTranslate`: the packet begins a connection, so nat chains see
   * it; the first rewrite counts for the hook, and later filter chains see the rewritten packet (`rewritten` does that).
   */
  run(
    hook: Hook,
    packet: FilterPacket,
    options: {
      readonly mayTranslate: boolean;
      readonly device?: string;
      readonly rewritten: (rewrite: Rewrite) => void;
    },
  ): HookResult {
    const passed: RuleReference[] = [];
    const doubts: RuleReference[] = [];
    let rewrite: HookResult['rewrite'];
    for (const { table, chain, base } of this.#chains) {
      if (base.hook !== hook || !sees(chain, packet)) continue;
      if (base.device !== undefined && base.device !== options.device) continue;
      if (base.type === 'nat' && (!options.mayTranslate || rewrite !== undefined || packet.state === 'untracked'))
        continue;
      const { state } = packet;
      // Before connections are tracked, a rule that asks about them finds none.
      if (base.priority <= CONNTRACK_PRIORITY && state !== 'untracked') packet.state = 'invalid';
      const result: ChainResult = runChain(table, chain, packet);
      if (base.priority <= CONNTRACK_PRIORITY && packet.state === 'invalid') packet.state = state;
      doubts.push(...result.doubts);
      if (result.verdict !== 'accept') return { ...PASS, ...result, passed, doubts, rewrite };
      if (result.rule !== undefined) passed.push(result.rule);
      if (result.rewrite !== undefined) {
        rewrite = result.rewrite;
        options.rewritten(result.rewrite.rewrite);
      }
    }
    return { ...PASS, passed, doubts, rewrite };
  }
}

/** Rules of iptables that are kept in nf_tables show up twice; their own words say more. */
function withoutXtables({ nftables, xtables }: Namespace): readonly unknown[] {
  const families = new Set(
    xtables
      .filter(({ backend }) => backend === 'nft')
      .map(({ family }) => (family === 4 ? 'ip' : family === 6 ? 'ip6' : String(family))),
  );
  const names = new Set(['raw', 'mangle', 'nat', 'filter', 'security']);
  if (families.size === 0) return nftables.ruleset;
  const theirs = new Map(
    xtables
      .filter(({ backend }) => backend === 'nft')
      .map(({ family, text }) => [family === 4 ? 'ip' : family === 6 ? 'ip6' : String(family), text]),
  );
  return nftables.ruleset.filter((object) => {
    const [body] = Object.values(object) as { family?: unknown; table?: unknown; name?: unknown }[];
    const table = String(body?.table ?? body?.name ?? '');
    const text = theirs.get(String(body?.family ?? ''));
    return text === undefined || !names.has(table) || !text.includes(`*${table}`);
  });
}

function sees({ family }: Chain, packet: FilterPacket): boolean {
  return family === 'inet' || family === 'netdev' || family === (packet.family === 4 ? 'ip' : 'ip6');
}

function asksForConnections({ rules }: Chain): boolean {
  return rules.some(({ reference: { text } }) =>
    /\bct |ctstate|--state|conntrack|masquerade|MASQUERADE|[ds]nat|[DS]NAT/.test(text),
  );
}
