/**
 * @module What rtnetlink tells of one namespace, as changes: it remembers what was, to say what is new about it.
 *
 * Left out is what only repeats or follows: a neighbour that is confirmed again, routes of the table local (they come
 * with the addresses), cached routes, entries of a bridge for its own MACs.
 */

import type { NetlinkMessage } from '../../kernel/netlink/codec.ts';
import type { NetlinkSocket } from '../../kernel/netlink/socket.ts';
import { listAddresses, parseInterfaceAddressMessage } from '../../kernel/rtnetlink/address.ts';
import { listFdb, parseFdbEntry } from '../../kernel/rtnetlink/fdb.ts';
import { type Link, listLinks, parseLink } from '../../kernel/rtnetlink/link.ts';
import { listNeighbours, parseNeighbour } from '../../kernel/rtnetlink/neighbour.ts';
import { parseRoute } from '../../kernel/rtnetlink/route.ts';
import { parseRule } from '../../kernel/rtnetlink/rule.ts';
import * as uapi from '../../kernel/uapi/rtnetlink.ts';
import type { Noted } from './change.ts';

export const ROUTING_GROUPS = [
  uapi.RTNLGRP_LINK,
  uapi.RTNLGRP_NEIGH,
  uapi.RTNLGRP_IPV4_IFADDR,
  uapi.RTNLGRP_IPV4_ROUTE,
  uapi.RTNLGRP_IPV4_RULE,
  uapi.RTNLGRP_IPV6_IFADDR,
  uapi.RTNLGRP_IPV6_ROUTE,
  uapi.RTNLGRP_IPV6_RULE,
];

const AF_BRIDGE = 7;
const AF_INET = 2;
const AF_INET6 = 10;
const TABLE_LOCAL = 255;

export class RoutingLedger {
  readonly #links = new Map<number, Link>();
  /** 'link address' → what is known of it. */
  readonly #addresses = new Map<string, string>();
  readonly #neighbours = new Map<string, string>();
  /** 'bridge mac vlan' → port. */
  readonly #fdb = new Map<string, number>();

  /** What is there already; also after an overrun. @throws KernelError */
  read(socket: NetlinkSocket): void {
    for (const map of [this.#links, this.#addresses, this.#neighbours, this.#fdb]) map.clear();
    for (const link of listLinks(socket)) this.#links.set(link.index, link);
    for (const one of listAddresses(socket)) this.#addresses.set(`${one.link} ${one.address}`, flagsOf(one));
    for (const { link, address, mac, state } of listNeighbours(socket)) {
      this.#neighbours.set(`${link} ${address}`, mac ?? state);
    }
    if ([...this.#links.values()].every(({ bridge }) => bridge === undefined)) return;
    for (const { bridge, mac, vlan, link } of listFdb(socket)) {
      if (bridge !== undefined) this.#fdb.set(`${bridge} ${mac} ${vlan ?? 0}`, link);
    }
  }

  get linkNames(): string[] {
    return [...this.#links.values()].map(({ name }) => name);
  }

  /** Undefined: nothing new. */
  note(message: NetlinkMessage): Noted | undefined {
    switch (message.type) {
      case uapi.RTM_NEWLINK:
      case uapi.RTM_DELLINK:
        // A bridge tells of its ports in its own family as well.
        return message.payload.readUInt8(0) === AF_BRIDGE ? undefined : this.#noteLink(message);
      case uapi.RTM_NEWADDR:
      case uapi.RTM_DELADDR:
        return this.#noteAddress(message);
      case uapi.RTM_NEWROUTE:
      case uapi.RTM_DELROUTE:
        return this.#noteRoute(message);
      case uapi.RTM_NEWRULE:
      case uapi.RTM_DELRULE:
        return this.#noteRule(message);
      case uapi.RTM_NEWNEIGH:
      case uapi.RTM_DELNEIGH: {
        const family = message.payload.readUInt8(0);
        if (family === AF_BRIDGE) return this.#noteFdb(message);
        return family === AF_INET || family === AF_INET6 ? this.#noteNeighbour(message) : undefined;
      }
      default:
        return undefined;
    }
  }

  #noteLink(message: NetlinkMessage): Noted | undefined {
    const link = parseLink(message);
    const { index, name } = link;
    const before = this.#links.get(index);
    if (message.type === uapi.RTM_DELLINK) {
      this.#links.delete(index);
      return { kind: 'link', action: 'removed', interface: name, text: `${name} (${link.kind ?? 'device'})` };
    }
    this.#links.set(index, link);
    if (before === undefined) {
      const text = [`${name} (${link.kind ?? 'device'})`, link.mac ?? '', link.up ? 'up' : 'down']
        .filter(Boolean)
        .join(' ');
      return { kind: 'link', action: 'added', interface: name, text };
    }
    const differences = this.#differences(before, link);
    if (differences.length === 0) return undefined;
    return { kind: 'link', action: 'changed', interface: name, text: `${name} ${differences.join(', ')}` };
  }

  #differences(before: Link, link: Link): string[] {
    const found: string[] = [];
    const compare = (what: string, was: unknown, is: unknown): void => {
      if (was !== is) found.push(`${what} ${was ?? 'none'} → ${is ?? 'none'}`);
    };
    compare('name', before.name, link.name);
    if (before.up !== link.up) found.push(link.up ? 'set up' : 'set down');
    if (before.carrier !== link.carrier) found.push(link.carrier ? 'has a carrier' : 'lost its carrier');
    compare('bridge', this.#nameOf(before.master), this.#nameOf(link.master));
    compare('mac', before.mac, link.mac);
    compare('mtu', before.mtuBytes, link.mtuBytes);
    compare('alias', before.alias, link.alias);
    if (before.port !== undefined && link.port !== undefined) {
      for (const key of ['state', 'isolated', 'hairpin', 'learning'] as const)
        compare(key, before.port[key], link.port[key]);
    }
    return found;
  }

  #noteAddress(message: NetlinkMessage): Noted | undefined {
    const one = parseInterfaceAddressMessage(message);
    const key = `${one.link} ${one.address}`;
    const before = this.#addresses.get(key);
    const name = this.#nameOf(one.link) ?? null;
    if (message.type === uapi.RTM_DELADDR) {
      this.#addresses.delete(key);
      return { kind: 'address', action: 'removed', interface: name, text: one.address };
    }
    const flags = flagsOf(one);
    this.#addresses.set(key, flags);
    if (before === flags) return undefined;
    const text = flags === '' ? one.address : `${one.address} ${flags}`;
    if (before === undefined) return { kind: 'address', action: 'added', interface: name, text };
    // That detection found nobody is as it should be.
    return one.duplicate ? { kind: 'address', action: 'changed', interface: name, text } : undefined;
  }

  #noteRoute(message: NetlinkMessage): Noted | undefined {
    const route = parseRoute(message);
    // struct rtmsg: the flags are its last word.
    if (route.table === TABLE_LOCAL || (message.payload.readUInt32LE(8) & uapi.RTM_F_CLONED) !== 0) return undefined;
    const name = this.#nameOf(route.link);
    const text = [
      ...(route.type === 'unicast' ? [] : [route.type]),
      /^(?:0\.0\.0\.0|::)\/0$/.test(route.destination) ? 'default' : route.destination,
      ...(route.via === undefined ? [] : [`via ${route.via}`]),
      ...(name === undefined ? [] : [`dev ${name}`]),
      ...route.nextHops.map(({ via, link }) => `nexthop ${via ?? ''} dev ${this.#nameOf(link) ?? link}`),
      ...(route.table === 254 ? [] : [`table ${route.table}`]),
      ...(route.metric === 0 ? [] : [`metric ${route.metric}`]),
    ].join(' ');
    return { kind: 'route', action: actionOf(message, uapi.RTM_DELROUTE), interface: name ?? null, text };
  }

  #noteRule(message: NetlinkMessage): Noted {
    const { priority, from, to, incoming, outgoing, mark, action, table } = parseRule(message);
    const text = [
      `${priority}: from ${from ?? 'all'}`,
      ...(to === undefined ? [] : [`to ${to}`]),
      ...(incoming === undefined ? [] : [`iif ${incoming}`]),
      ...(outgoing === undefined ? [] : [`oif ${outgoing}`]),
      ...(mark === undefined ? [] : [`fwmark 0x${mark.value.toString(16)}/0x${mark.mask.toString(16)}`]),
      action === 'lookup' ? `lookup ${table}` : (action ?? 'unknown'),
    ].join(' ');
    return { kind: 'rule', action: actionOf(message, uapi.RTM_DELRULE), interface: incoming ?? outgoing ?? null, text };
  }

  #noteNeighbour(message: NetlinkMessage): Noted | undefined {
    const { link, address, mac, state } = parseNeighbour(message);
    const key = `${link} ${address}`;
    const before = this.#neighbours.get(key);
    const name = this.#nameOf(link) ?? null;
    // Groups and the like need no question: the kernel derives their MACs.
    if (state === 'NOARP') return undefined;
    if (message.type === uapi.RTM_DELNEIGH) {
      this.#neighbours.delete(key);
      return before === undefined
        ? undefined
        : { kind: 'neighbour', action: 'removed', interface: name, text: address };
    }
    const now = state === 'FAILED' ? 'FAILED' : (mac ?? state);
    this.#neighbours.set(key, now);
    if (now === before || now === 'INCOMPLETE' || now === 'NONE') return undefined;
    if (now === 'FAILED')
      return { kind: 'neighbour', action: 'failed', interface: name, text: `${address} does not answer` };
    const text = `${address} is at ${now}${state === 'PERMANENT' ? ', set by hand' : ''}`;
    const moved = before?.includes(':') === true;
    return {
      kind: 'neighbour',
      action: moved ? 'moved' : 'added',
      interface: name,
      text: moved ? `${text}, no longer at ${before}` : text,
    };
  }

  #noteFdb(message: NetlinkMessage): Noted | undefined {
    const { bridge, mac, vlan, link, type } = parseFdbEntry(message);
    if (bridge === undefined || type === 'local') return undefined;
    const key = `${bridge} ${mac} ${vlan ?? 0}`;
    const before = this.#fdb.get(key);
    const [port, name] = [this.#nameOf(link) ?? `link ${link}`, this.#nameOf(bridge) ?? `link ${bridge}`];
    const what = `${mac}${vlan === undefined ? '' : ` in VLAN ${vlan}`}`;
    if (message.type === uapi.RTM_DELNEIGH) {
      this.#fdb.delete(key);
      const why = type === 'learned' ? 'forgotten' : 'taken out';
      return {
        kind: 'fdb',
        action: 'removed',
        interface: port,
        text: `${name} has ${what} behind ${port} no more: ${why}`,
      };
    }
    this.#fdb.set(key, link);
    if (before === link) return undefined;
    const how = type === 'learned' ? 'learned' : 'set by hand';
    const moved = before !== undefined;
    const text = `${name} has ${what} behind ${port} (${how})${moved ? `, no longer behind ${this.#nameOf(before) ?? before}` : ''}`;
    return { kind: 'fdb', action: moved ? 'moved' : 'added', interface: port, text };
  }

  #nameOf(index: number | undefined): string | undefined {
    return index === undefined ? undefined : this.#links.get(index)?.name;
  }
}

function actionOf({ type }: NetlinkMessage, removal: number): 'added' | 'removed' {
  return type === removal ? 'removed' : 'added';
}

function flagsOf({ tentative, duplicate }: { readonly tentative: boolean; readonly duplicate: boolean }): string {
  return duplicate ? 'dadfailed' : tentative ? 'tentative' : '';
}
