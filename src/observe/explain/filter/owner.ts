/**
 * @module Whose a rule is: told by the names that each program gives its tables and chains.
 */

import type { RuleReference } from './packet.ts';

export type RuleOwner =
  | 'Pontoon'
  | 'Docker'
  | 'Podman'
  | 'CNI'
  | 'UFW'
  | 'firewalld'
  | 'libvirt'
  | 'LXD'
  | 'Kubernetes'
  | 'unknown';

const OWNERS: readonly (readonly [RuleOwner, RegExp])[] = [
  ['Pontoon', /^pontoon$/],
  ['Docker', /^DOCKER|^docker-bridges$/],
  ['Podman', /^NETAVARK|^netavark$/],
  ['CNI', /^CNI-|^cni_/],
  ['UFW', /^ufw6?-/],
  ['firewalld', /^firewalld$|^(?:IN|FWDI|FWDO|PRE|POST)_|_(?:ZONES|direct)(?:_|$)/],
  ['libvirt', /^LIBVIRT_|^libvirt_network$/],
  ['LXD', /^lxd$|^lxd[_-]/],
  ['Kubernetes', /^KUBE-|^cali-|^CILIUM_|^FLANNEL-/],
];

export function ownerOf(rule: RuleReference): RuleOwner {
  for (const [owner, pattern] of OWNERS) if (pattern.test(rule.table) || pattern.test(rule.chain)) return owner;
  // A rule of a built-in chain belongs to whoever it sends its packets to, or says so in its comment.
  const target = / -[jg] (\S+)|(?:jump|goto) (\S+)/.exec(rule.text);
  const chain = target?.[1] ?? target?.[2];
  if (chain !== undefined) for (const [owner, pattern] of OWNERS) if (pattern.test(chain)) return owner;
  const { comment } = rule;
  if (comment !== undefined && /netavark/i.test(comment)) return 'Podman';
  return 'unknown';
}

/** Where to find a rule again: 'inet pontoon forward handle 36', 'iptables filter FORWARD rule 3'. */
export function placeOf({ tool, family, table, chain, handle, position }: RuleReference): string {
  const number = handle !== undefined ? ` handle ${handle}` : position !== undefined ? ` rule ${position}` : '';
  return tool === 'nft' ? `${family} ${table} ${chain}${number}` : `${tool} ${table} ${chain}${number}`;
}

/** How to take it away for a try. */
export function removalOf({ tool, family, table, chain, handle, position, text }: RuleReference): string {
  if (tool === 'nft')
    return handle === undefined
      ? `nft chain ${family} ${table} ${chain} '{ policy accept; }'`
      : `nft delete rule ${family} ${table} ${chain} handle ${handle}`;
  if (position === undefined) return `${tool} -t ${table} -P ${text.split(' ')[1] ?? chain} ACCEPT`;
  return `${tool} -t ${table} -D ${chain} ${position}`;
}
