/**
 * @module The host's own network stack, as far as the engine uses it: its links, routes and settings.
 */

import { existsSync, readFileSync } from 'node:fs';
import { Prefix, type TakenPrefix } from '../ipam/index.ts';
import { NetlinkSocket } from '../kernel/netlink/socket.ts';
import { getLink, type Link, listLinks } from '../kernel/rtnetlink/link.ts';
import { listRoutes, type Route } from '../kernel/rtnetlink/route.ts';
import { readSysctl, writeSysctl } from '../kernel/sysctl.ts';
import { NETLINK_ROUTE } from '../kernel/uapi/netlink.ts';
import { RT_TABLE_LOCAL, RTPROT_RA } from '../kernel/uapi/rtnetlink.ts';
import { step } from './context.ts';
import { OWNED_GROUP } from './drivers/driver.ts';
import { REAPED_GROUP, Reaper } from './reaper.ts';

const DEFAULT_MTU_BYTES = 1500;
const BRIDGE_NETFILTER = '/proc/sys/net/bridge/bridge-nf-call-iptables';

export class Host implements Disposable {
  /** rtnetlink in the host's namespace. */
  readonly rt = new NetlinkSocket(NETLINK_ROUTE);
  readonly reaper = new Reaper();

  /** After `reaper.settled`. */
  [Symbol.dispose](): void {
    this.rt[Symbol.dispose]();
    this.reaper[Symbol.dispose]();
  }

  link(name: string): Link | undefined {
    return getLink(this.rt, name);
  }

  links(filter?: { master?: number; kind?: string }): Link[] {
    return listLinks(this.rt, filter);
  }

  /** The MTU of the link that the default route leaves by, else 1500 bytes. */
  uplinkMtuBytes(): number {
    const uplink = this.#defaultRoutes()[0]?.link;
    return (uplink === undefined ? undefined : getLink(this.rt, uplink)?.mtuBytes) ?? DEFAULT_MTU_BYTES;
  }

  /**
   * What the host routes, and through which interface; without the routes of links of our own, also of those on their
   * way out, and of the interface `shared`.
   */
  routedPrefixes(shared?: string): TakenPrefix[] {
    const links = new Map<number, Link | undefined>();
    const linkOf = (index: number): Link | undefined => {
      if (!links.has(index)) links.set(index, getLink(this.rt, index));
      return links.get(index);
    };
    return listRoutes(this.rt)
      .filter((route) => route.table !== RT_TABLE_LOCAL)
      .flatMap((route) => {
        const through = interfacesOf(route).map(linkOf);
        // A link that is not there any more took its route with it.
        if (through.some((link) => link === undefined || isOurs(link) || link.name === shared)) return [];
        const names = through.map((link) => link?.name).join(' and ');
        const holder = names === '' ? `the host routes (${route.type})` : `the host routes through ${names}`;
        return [{ prefix: Prefix.parse(route.destination), holder }];
      });
  }

  /**
   * Lets the host forward packets. Forwarding IPv6 would make the kernel ignore router advertisements on links that
   * got their default route from one; those are told to go on listening (accept_ra 2, ip-sysctl.rst).
   * @returns one line for each setting that was changed
   */
  allowForwarding(ipv6: boolean): string[] {
    const changed = this.#set('net.ipv4.ip_forward', '1');
    if (!ipv6 || readSysctl('net.ipv6.conf.all.forwarding') === '1') return changed;
    const names = new Map(this.links().map((link) => [link.index, link.name]));
    for (const route of this.#defaultRoutes()) {
      const name = route.link === undefined ? undefined : names.get(route.link);
      if (route.family !== 6 || route.protocol !== RTPROT_RA || name === undefined) continue;
      changed.push(...this.#set(`net.ipv6.conf.${name.replaceAll('.', '/')}.accept_ra`, '2'));
    }
    return [...changed, ...this.#set('net.ipv6.conf.all.forwarding', '1')];
  }

  /**
   * Keeps netfilter out of the way between the ports of a bridge: isolation there needs none of it, and it costs a
   * connection tracking lookup per frame. The setting is the host's, so it is left alone where somebody may have
   * chosen it: where br_netfilter was loaded as a module, or another bridge exists (docs/decisions/0004).
   * @returns one line for each setting that was changed
   */
  keepNetfilterOffBridges(): string[] {
    if (!existsSync(BRIDGE_NETFILTER) || isLoadedModule('br_netfilter')) return [];
    if (this.links({ kind: 'bridge' }).some((link) => !isOurs(link))) return [];
    return ['iptables', 'ip6tables'].flatMap((family) => this.#set(`net.bridge.bridge-nf-call-${family}`, '0'));
  }

  #defaultRoutes(): Route[] {
    return listRoutes(this.rt, {})
      .filter(({ destination, table }) => destination.endsWith('/0') && table !== RT_TABLE_LOCAL)
      .toSorted((a, b) => a.family - b.family || a.metric - b.metric);
  }

  #set(name: string, value: string): string[] {
    const old = readSysctl(name);
    if (old === value) return [];
    step(`${name}: ${value}`);
    writeSysctl(name, value);
    return [`${name}: ${old} → ${value}`];
  }
}

function isOurs({ group }: Link): boolean {
  return group === OWNED_GROUP || group === REAPED_GROUP;
}

/** A feature that is built into the kernel is in no such list. */
function isLoadedModule(name: string): boolean {
  return existsSync('/proc/modules') && new RegExp(`^${name} `, 'm').test(readFileSync('/proc/modules', 'utf8'));
}

function interfacesOf(route: Route): number[] {
  if (route.link !== undefined) return [route.link];
  return route.nextHops.map(({ link }) => link);
}
