/**
 * @module Routing as the kernel does it: rules in order, the longest prefix in each table, the source address, and the
 * way back (net/ipv4/fib_rules.c, fib_trie.c, route.c, fib_frontend.c; net/ipv6/route.c).
 */

import { type Address, Prefix } from '../../ipam/index.ts';
import type { Link, NextHop, Route, Rule } from '../snapshot/types.ts';
import { tryAddress } from './filter/nft-data.ts';
import type { AddressKind } from './filter/packet.ts';
import type { Owned, Stack } from './model.ts';

export interface RouteQuery {
  readonly destination: Address;
  /** Undefined: not yet chosen. */
  readonly source?: Address | undefined;
  /** Where the packet came in; 'lo' for the namespace's own. */
  readonly incoming?: string;
  /** The interface that it must leave by (ping -I, SO_BINDTODEVICE). */
  readonly outgoing?: Link | undefined;
  readonly mark?: number;
  readonly protocolNumber?: number;
}

export interface RouteResult {
  readonly type: Route['type'];
  /** Undefined when the kernel only assumes that the destination is on the link. */
  readonly route: Route | undefined;
  /** Undefined for types that lead nowhere. */
  readonly link: Link | undefined;
  readonly via: Address | undefined;
  readonly table: number;
  /** The rule that leads nowhere, without any table. */
  readonly rule?: Rule;
}

const prefixes = new WeakMap<Route, Prefix | null>();

function prefixOf(route: Route): Prefix | undefined {
  let prefix = prefixes.get(route);
  if (prefix === undefined) {
    prefix = parsePrefix(route.destination) ?? null;
    prefixes.set(route, prefix);
  }
  return prefix ?? undefined;
}

export function parsePrefix(text: string): Prefix | undefined {
  const [base = '', length] = text.split('/');
  const address = tryAddress(base);
  if (address === undefined) return undefined;
  const bits = address.family === 4 ? 32 : 128;
  const wanted = length === undefined ? bits : Number(length);
  return Number.isInteger(wanted) && wanted >= 0 && wanted <= bits ? new Prefix(address, wanted) : undefined;
}

/** The route that wins; undefined: none. */
export function lookUpRoute(stack: Stack, query: RouteQuery): RouteResult | undefined {
  const { family } = query.destination;
  const rules = stack.namespace.rules.filter((rule) => rule.family === family);
  for (let at = 0; at < rules.length; at += 1) {
    const rule = rules[at] as Rule;
    if (fitsRule(rule, query) === (rule.invert ?? false)) continue;
    switch (rule.action) {
      case 'lookup': {
        const found = lookUpTable(stack, rule.table ?? 254, query, rule.suppressPrefixLength);
        if (found !== undefined && found.type !== 'throw') return found;
        break;
      }
      case 'goto': {
        const target = rules.findIndex(({ priority }) => priority >= (rule.target ?? 0));
        if (target <= at) return undefined;
        at = target - 1;
        break;
      }
      case 'blackhole':
      case 'unreachable':
      case 'prohibit':
        return { type: rule.action, route: undefined, link: undefined, via: undefined, table: 0, rule };
      default:
        break;
    }
  }
  return undefined;
}

function fitsRule(
  rule: Rule,
  { destination, source, incoming, outgoing, mark = 0, protocolNumber }: RouteQuery,
): boolean {
  const inside = (text: string | undefined, address: Address | undefined) => {
    if (text === undefined) return true;
    const prefix = parsePrefix(text);
    if (prefix === undefined) return false;
    return prefix.length === 0 || (address !== undefined && prefix.contains(address));
  };
  return (
    inside(rule.from, source) &&
    inside(rule.to, destination) &&
    (rule.incoming === undefined || rule.incoming === (incoming ?? 'lo')) &&
    (rule.outgoing === undefined || rule.outgoing === outgoing?.name) &&
    (rule.mark === undefined || (mark & rule.mark.mask) >>> 0 === rule.mark.value) &&
    (rule.protocol === undefined || rule.protocol === protocolNumber) &&
    rule.sourcePorts === undefined &&
    rule.destinationPorts === undefined &&
    rule.vrf !== true &&
    (rule.tos === undefined || rule.tos === 0)
  );
}

function lookUpTable(
  stack: Stack,
  table: number,
  query: RouteQuery,
  suppress: number | undefined,
): RouteResult | undefined {
  let best: { route: Route; length: number; hop: NextHop | undefined; link: Link | undefined } | undefined;
  for (const route of stack.namespace.routes) {
    if (route.table !== table || route.family !== query.destination.family || (route.tos ?? 0) !== 0) continue;
    const prefix = prefixOf(route);
    if (prefix === undefined || !prefix.contains(query.destination)) continue;
    if (suppress !== undefined && prefix.length <= suppress) continue;
    if (
      best !== undefined &&
      (prefix.length < best.length || (prefix.length === best.length && route.metric >= best.route.metric))
    )
      continue;
    if (route.source !== undefined && route.source !== '::/0') {
      const from = parsePrefix(route.source);
      if (query.source === undefined || from?.contains(query.source) !== true) continue;
    }
    if (LEADS_NOWHERE.has(route.type) || route.type === 'throw') {
      // net/ipv6/route.c, RT6_LOOKUP_F_IFACE: with an interface given and no source yet, only its own routes count.
      if (route.family === 6 && query.outgoing !== undefined && query.source === undefined) continue;
      best = { route, length: prefix.length, hop: undefined, link: undefined };
      continue;
    }
    const hop = route.nextHops.find((one) => isUsable(stack, one, query));
    if (hop === undefined && route.nextHops.length > 0) continue;
    best = { route, length: prefix.length, hop, link: stack.link(hop?.link) };
  }
  if (best === undefined) return undefined;
  return {
    type: best.route.type,
    route: best.route,
    link: best.link,
    via: best.hop?.via === undefined ? undefined : tryAddress(best.hop.via),
    table,
  };
}

export const LEADS_NOWHERE: ReadonlySet<Route['type']> = new Set(['blackhole', 'unreachable', 'prohibit']);

function isUsable(stack: Stack, hop: NextHop, { destination, outgoing }: RouteQuery): boolean {
  if (hop.dead) return false;
  if (outgoing !== undefined && hop.link !== outgoing.index) return false;
  if (!hop.linkDown) return true;
  const link = stack.link(hop.link);
  const settings = destination.family === 4 ? link?.ipv4 : link?.ipv6;
  return settings?.ignoreRoutesWithLinkDown !== true;
}

/** What an address is to a namespace (inet_addr_type). */
export function kindOfAddress(stack: Stack, address: Address, link?: Link): AddressKind {
  if (isMulticast(address)) return 'multicast';
  if (address.family === 4 && (address.value === 0n || address.value === 0xffffffffn)) return 'broadcast';
  const found = lookUpTable(
    stack,
    255,
    { destination: address, ...(link === undefined ? {} : { outgoing: link }) },
    undefined,
  );
  if (found === undefined)
    return address.family === 4 && isLoopback(address) && stack.linkNamed('lo')?.up === true ? 'local' : 'unicast';
  return found.type === 'local' || found.type === 'broadcast' || found.type === 'anycast' || found.type === 'multicast'
    ? found.type
    : 'unicast';
}

/** The address that a packet without one gets (inet_select_addr, ipv6_dev_get_saddr). */
export function chooseSource(
  stack: Stack,
  { link, route, via }: RouteResult,
  destination: Address,
): Address | undefined {
  const preferred = route?.preferredSource === undefined ? undefined : tryAddress(route.preferredSource);
  if (preferred !== undefined) return preferred;
  const usable = stack.owned.filter(
    ({ address, entry }) => address.family === destination.family && !entry.tentative && !entry.dadFailed,
  );
  const toward = via ?? destination;
  if (destination.family === 6) {
    const linkLocal = isLinkLocal(toward) && isLinkLocal(destination);
    const candidates = usable.filter(
      ({ address, link: { index, name } }) =>
        (linkLocal ? isLinkLocal(address) && index === link?.index : !isLinkLocal(address) && name !== 'lo') &&
        !isLoopback(address),
    );
    if (isLoopback(destination)) return usable.find(({ address }) => isLoopback(address))?.address;
    return (
      longestMatch(
        candidates.filter((one) => one.link.index === link?.index),
        destination,
      ) ??
      longestMatch(candidates, destination) ??
      usable.find(({ address, link: { index } }) => index === link?.index && isLinkLocal(address))?.address
    );
  }
  const here = usable.filter((one) => one.link.index === link?.index && one.entry.scope !== 'host');
  return (
    here.find(({ prefix, entry }) => prefix.contains(toward) && !entry.secondary)?.address ??
    here.find(({ prefix }) => prefix.contains(toward))?.address ??
    here[0]?.address ??
    (link?.name === 'lo'
      ? destination
      : usable.find(({ entry }) => entry.scope === 'global' || entry.scope === 'site')?.address)
  );
}

function longestMatch(candidates: readonly Owned[], destination: Address): Address | undefined {
  const shared = ({ value }: Address) => 128 - (value ^ destination.value).toString(2).length;
  return [...candidates].sort(
    (a, b) =>
      Number(a.entry.deprecated ?? false) - Number(b.entry.deprecated ?? false) ||
      shared(b.address) - shared(a.address),
  )[0]?.address;
}

/** Why a packet's source is not believed where it came in; undefined: it is (fib_validate_source). */
export function refusesSource(
  stack: Stack,
  link: Link,
  source: Address,
  destination: Address,
  mark: number,
): 'martian' | 'reverse-path' | undefined {
  if (source.family === 6) return isLoopback(source) && link.name !== 'lo' ? 'martian' : undefined;
  const { all } = stack.namespace.settings.ipv4;
  const localnet = (all.routeLocalnet ?? false) || (link.ipv4?.routeLocalnet ?? false);
  if (link.name === 'lo') return undefined;
  if (isMulticast(source) || source.value === 0xffffffffn) return 'martian';
  if (isLoopback(source) && !localnet) return 'martian';
  const acceptLocal = (all.acceptLocal ?? false) || (link.ipv4?.acceptLocal ?? false);
  if (kindOfAddress(stack, source) === 'local') return acceptLocal ? undefined : 'martian';
  const mode = Math.max(all.rpFilter ?? 0, link.ipv4?.rpFilter ?? 0);
  if (mode === 0) return undefined;
  const useMark = (all.srcValidMark ?? false) || (link.ipv4?.srcValidMark ?? false);
  const back = lookUpRoute(stack, {
    destination: source,
    source: destination,
    incoming: 'lo',
    mark: useMark ? mark : 0,
  });
  if (back === undefined || back.type !== 'unicast') return 'reverse-path';
  if (mode === 2) return undefined;
  const hops = back.route?.nextHops ?? [];
  return back.link?.index === link.index || hops.some((hop) => hop.link === link.index) ? undefined : 'reverse-path';
}

export function isLoopback({ family, value }: Address): boolean {
  return family === 4 ? value >> 24n === 127n : value === 1n;
}

export function isMulticast({ family, value }: Address): boolean {
  return family === 4 ? value >> 28n === 0xen : value >> 120n === 0xffn;
}

export function isLinkLocal({ family, value }: Address): boolean {
  return family === 4 ? value >> 16n === 0xa9fen : value >> 118n === 0x3fan;
}

/** 'default via 172.17.0.1 dev eth0', as ip-route(8) has it. */
export function describeRoute({ route, link, via, type }: RouteResult): string {
  if (route === undefined) return type === 'unicast' ? `(none: taken to be on ${link?.name ?? 'the link'})` : type;
  const destination = /^(?:0\.0\.0\.0|::)\/0$/.test(route.destination)
    ? 'default'
    : route.destination.replace(/\/(?:32|128)$/, '');
  return [
    ...(type === 'unicast' ? [] : [type]),
    destination,
    ...(via === undefined ? [] : [`via ${via}`]),
    ...(link === undefined ? [] : [`dev ${link.name}`]),
    ...(route.preferredSource === undefined ? [] : [`src ${route.preferredSource}`]),
  ].join(' ');
}
