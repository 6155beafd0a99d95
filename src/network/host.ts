/**
 * @module The host's own network stack, as far as the engine uses it: its links, routes and settings.
 */

import { existsSync, readFileSync } from 'node:fs';
import { Prefix, type TakenPrefix } from '../ipam/index.ts';
import { NetlinkSocket } from '../kernel/netlink/socket.ts';
import { getLink, type Link, listLinks } from '../kernel/rtnetlink/link.ts';
import { listRoutes, type Route, type RouteType } from '../kernel/rtnetlink/route.ts';
import { readSysctl, sysctlPart, writeSysctl } from '../kernel/sysctl.ts';
import { NETLINK_ROUTE } from '../kernel/uapi/netlink.ts';
import { RT_TABLE_LOCAL, RTPROT_RA } from '../kernel/uapi/rtnetlink.ts';
import { isOurs } from './ownership.ts';
import { Reaper } from './reaper.ts';
import { step } from './step.ts';

const DEFAULT_MTU_BYTES = 1500;
/** The types of routes that say where packets to a prefix go; the others are for the host's own addresses. */
const ROUTED: readonly RouteType[] = ['unicast', 'blackhole', 'unreachable', 'prohibit'];
const BRIDGE_NETFILTER = '/proc/sys/net/bridge/bridge-nf-call-iptables';

export class Host implements Disposable {
  /** rtnetlink in the host's namespace. */
  readonly rt = new NetlinkSocket(NETLINK_ROUTE);
  readonly reaper: Reaper;
  /** Indexes of links that are known to be ours. */
  readonly #ours = new Set<number>();
  readonly #indexes = new Map<string, number>();
  readonly #forwarding: boolean;

  /** `forwarding`: false leaves the host's forwarding as it is. */
  constructor(options: { readonly forwarding: boolean }, onError: (error: Error) => void) {
    this.reaper = new Reaper(onError);
    this.#forwarding = options.forwarding;
  }

  /** After `reaper.settled`. */
  [Symbol.dispose](): void {
    this.rt[Symbol.dispose]();
    this.reaper[Symbol.dispose]();
  }

  link(name: string): Link | undefined {
    return getLink(this.rt, name);
  }

  /** The index of a link, remembered: links keep theirs for life, and no other gets it. */
  indexOf(name: string): number | undefined {
    const index = this.#indexes.get(name) ?? getLink(this.rt, name)?.index;
    if (index !== undefined) this.#indexes.set(name, index);
    return index;
  }

  /** To be called of a link that goes. */
  forget(name: string): void {
    this.#indexes.delete(name);
  }

  /** Runs a request that uses `indexOf(name)`; once more if that was the index of a link that is not there any more. */
  retryIfGone<T>(name: string, request: () => T): T {
    const before = this.#indexes.get(name);
    try {
      return request();
    } catch (error) {
      this.forget(name);
      if (before === undefined || before === this.indexOf(name)) throw error;
      return request();
    }
  }

  links(filter?: { master?: number; kind?: string }): Link[] {
    return listLinks(this.rt, filter);
  }

  /** What the host routes otherwise than through links of ours, of all tables but the one of its own addresses. */
  foreignRoutes(): Route[] {
    const ours = memoized((index: number) => this.#isOurs(index));
    return ROUTED.flatMap((type) => listRoutes(this.rt, { type, notThrough: this.#ours })).filter(
      (route) => route.table !== RT_TABLE_LOCAL && !interfacesOf(route).some(ours),
    );
  }

  /** The MTU of the link that the default route leaves by, else 1500 bytes. */
  uplinkMtuBytes(routes: readonly Route[]): number {
    const uplink = defaultRoutes(routes)[0]?.link;
    return (uplink === undefined ? undefined : getLink(this.rt, uplink)?.mtuBytes) ?? DEFAULT_MTU_BYTES;
  }

  /** The prefixes that routes have, and through which interface; without those of the interface `shared`. */
  routedPrefixes(routes: readonly Route[], shared?: string): TakenPrefix[] {
    const linkOf = memoized((index: number) => getLink(this.rt, index));
    return routes.flatMap((route) => {
      const through = interfacesOf(route).map(linkOf);
      // A link that is not there any more took its route with it.
      if (through.some((link) => link === undefined || link.name === shared)) return [];
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
    if (!this.#forwarding) return [];
    const changed = this.#set('net.ipv4.ip_forward', '1');
    if (!ipv6 || readSysctl('net.ipv6.conf.all.forwarding') === '1') return changed;
    for (const { family, protocol, link } of defaultRoutes(this.foreignRoutes())) {
      const name = link === undefined ? undefined : getLink(this.rt, link)?.name;
      if (family !== 6 || protocol !== RTPROT_RA || name === undefined) continue;
      changed.push(...this.#set(`net.ipv6.conf.${sysctlPart(name)}.accept_ra`, '2'));
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
    const settings = ['iptables', 'ip6tables'].map((family) => `net.bridge.bridge-nf-call-${family}`);
    if (settings.every((name) => readSysctl(name) === '0')) return [];
    if (this.links({ kind: 'bridge' }).some((link) => !isOurs(link))) return [];
    return settings.flatMap((name) => this.#set(name, '0'));
  }

  /** Links keep their index for life, and no other gets it: whether one is ours has to be asked once. */
  #isOurs(index: number): boolean {
    const link = getLink(this.rt, index);
    if (link === undefined || !isOurs(link)) return false;
    this.#ours.add(index);
    return true;
  }

  #set(name: string, value: string): string[] {
    const old = readSysctl(name);
    if (old === value) return [];
    step(`${name}: ${value}`);
    writeSysctl(name, value);
    return [`${name}: ${old} → ${value}`];
  }
}

/** The best first. */
function defaultRoutes(routes: readonly Route[]): Route[] {
  return routes
    .filter(({ destination }) => destination.endsWith('/0'))
    .toSorted((a, b) => a.family - b.family || a.metric - b.metric);
}

function memoized<K, V>(compute: (key: K) => V): (key: K) => V {
  const known = new Map<K, V>();
  return (key) => {
    if (!known.has(key)) known.set(key, compute(key));
    return known.get(key)!;
  };
}

/** A feature that is built into the kernel is in no such list. */
function isLoadedModule(name: string): boolean {
  return existsSync('/proc/modules') && new RegExp(`^${name} `, 'm').test(readFileSync('/proc/modules', 'utf8'));
}

function interfacesOf(route: Route): number[] {
  if (route.link !== undefined) return [route.link];
  return route.nextHops.map(({ link }) => link);
}
