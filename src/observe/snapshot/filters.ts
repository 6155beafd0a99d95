/**
 * @module The packet filters of one namespace: nftables' rulesets, and those of iptables and ebtables as text.
 *
 * Most namespaces have none, which one cheap question tells. To ask must neither load a module nor make a table: so
 * each reader looks first whether the kernel holds anything for it.
 * iptables has two homes. iptables-nft keeps its rules in nf_tables, where libnftables lists as opaque ("xt") those
 * that it cannot express; only then its own save command is called. iptables-legacy has tables of its own.
 */

import { readFileSync } from 'node:fs';
import { PontoonError } from '../../errors.ts';
import { isModuleIdle } from '../../kernel/modules.ts';
import type { NetworkNamespace } from '../../kernel/namespace.ts';
import { openNetfilter } from '../../kernel/netlink/nfnetlink.ts';
import { listTables } from '../../kernel/nftables/read.ts';
import { Nftables } from '../../kernel/nftables/ruleset.ts';
import { saveXtables } from '../../kernel/xtables.ts';
import type { NftObject, Xtables } from './types.ts';

/** Whose rules in which family of nf_tables are opaque to libnftables. */
const NFT_COMMANDS = [
  { family: 4, table: 'ip', command: 'iptables-nft-save' },
  { family: 6, table: 'ip6', command: 'ip6tables-nft-save' },
  { family: 'bridge', table: 'bridge', command: 'ebtables-nft-save' },
  { family: 'arp', table: 'arp', command: 'arptables-nft-save' },
] as const;
/** The file names the tables that the namespace has; it is there when the module is. */
const LEGACY_COMMANDS = [
  { family: 4, file: 'ip_tables_names', command: 'iptables-legacy-save' },
  { family: 6, file: 'ip6_tables_names', command: 'ip6tables-legacy-save' },
] as const;

/** Where engines serve names inside a container's own stack: such packets never leave it. */
const RESOLVER = '127.0.0.11';

export interface Filters {
  readonly ruleset: readonly NftObject[];
  readonly xtables: readonly Xtables[];
  /** What could not be read, a line each. */
  readonly missing: readonly string[];
}

/** Whether the namespace, in which the calling thread is, has any tables. @throws KernelError */
export function hasTables(): boolean {
  return hasNftTables() || LEGACY_COMMANDS.some(({ file }) => hasLegacyTables(file));
}

/** @throws KernelError; PontoonError feature-missing where nftables cannot be read at all */
export function readFilters(namespace: NetworkNamespace): Filters {
  const ruleset = namespace.enter(hasNftTables) ? listRuleset(namespace) : [];
  const missing: string[] = [];
  const xtables = [
    ...NFT_COMMANDS.filter(({ table }) => ruleset.some((object) => isOpaqueRule(object, table))).map(
      ({ family, command }) => ({ family, command, backend: 'nft' as const }),
    ),
    ...LEGACY_COMMANDS.filter(({ file }) => namespace.enter(() => hasLegacyTables(file))).map(
      ({ family, command }) => ({ family, command, backend: 'legacy' as const }),
    ),
  ].flatMap(({ family, command, backend }): Xtables[] => {
    try {
      return [{ family, backend, text: namespace.enter(() => saveXtables(command)) }];
    } catch (error) {
      if (!PontoonError.is(error)) throw error;
      missing.push(error.message);
      return [];
    }
  });
  return { ruleset, xtables, missing };
}

function hasNftTables(): boolean {
  if (isModuleIdle('nf_tables')) return false;
  using socket = openNetfilter();
  return listTables(socket).length > 0;
}

function hasLegacyTables(file: string): boolean {
  try {
    return readFileSync(`/proc/thread-self/net/${file}`, 'utf8').trim() !== '';
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

function listRuleset(namespace: NetworkNamespace): NftObject[] {
  using nftables = new Nftables(namespace);
  return nftables.list('ruleset') as NftObject[];
}

/** A rule with an expression that only iptables understands, and which says more than where a container's resolver is. */
function isOpaqueRule(object: NftObject, family: string): boolean {
  const rule = object.rule as { family?: string; expr?: readonly Expression[] } | undefined;
  const expressions = rule?.family === family ? (rule.expr ?? []) : [];
  return expressions.some((one) => 'xt' in one) && !expressions.some(isForResolver);
}

interface Expression {
  readonly match?: { readonly op?: string; readonly right?: unknown };
}

/** Docker's rules in each of its containers fit packets to and from its resolver only. */
function isForResolver({ match }: Expression): boolean {
  return match?.op === '==' && match.right === RESOLVER;
}
