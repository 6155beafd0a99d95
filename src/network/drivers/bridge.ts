/**
 * @module The bridge driver: one bridge on the host for each network, one veth pair for each endpoint.
 *
 * The bridge has the gateway addresses. Endpoints of a network without inter-container communication are isolated
 * ports: the bridge itself keeps them apart, without netfilter.
 */

import { createHash } from 'node:crypto';
import { PontoonError } from '../../errors.ts';
import { KernelError } from '../../kernel/error.ts';
import { hasFeature } from '../../kernel/features.ts';
import type { NetlinkRequest } from '../../kernel/netlink/socket.ts';
import { deleteAddress } from '../../kernel/rtnetlink/address.ts';
import {
  createAndRead,
  createBridge,
  createVeth,
  getLink,
  type Link,
  type LinkSettings,
  removeLink,
  setBridgePort,
  setLink,
} from '../../kernel/rtnetlink/link.ts';
import { addRoute, listRoutes } from '../../kernel/rtnetlink/route.ts';
import { readSysctl, sysctlPart, writeSysctl } from '../../kernel/sysctl.ts';
import { IPV4_DEVCONF_ROUTE_LOCALNET, RT_TABLE_LOCAL } from '../../kernel/uapi/rtnetlink.ts';
import { hasBridgeAddress } from '../gateway-mode.ts';
import type { Host } from '../host.ts';
import { bringUpInterface, globalAddresses, planAddresses, repairInterface } from '../interface.ts';
import { OWNED_GROUP, ownerAlias, ownerOf } from '../ownership.ts';
import { step } from '../step.ts';
import type { NetworkRecord } from '../store.ts';
import { withPrefixLength } from '../subnets.ts';
import { type Attachment, interfaceTaken, type NetworkDriver, type OpenNamespace, refuseOptions } from './driver.ts';

/** net/bridge/br_private.h: BR_MAX_PORTS is 1 << 10, and port 0 is none. */
const BRIDGE_PORTS = 1023;

/**
 * Behind the route of lo, which has metric 0: the host's own traffic to ::1 never takes a bridge's. Each bridge adds its
 * index, because two routes to one destination need different metrics.
 */
const LOOPBACK_METRIC = 1024;

/**
 * Packets inside the host may be this large ("BIG TCP"): endpoint to endpoint they are never cut into frames, so that
 * fewer of them carry the same bytes. The kernel allows 512 KiB; more than three times 64 KiB gained nothing here. Only the
 * ends of a pair have it: the kernel refuses it for a bridge, whose own device does not see what goes from port to port.
 */
const GSO_MAX_BYTES = 196_608;

export const bridgeDriver: NetworkDriver = {
  hasInterfaces: true,

  check: (_host, spec) => refuseOptions(spec, 'bridge', ['parent', 'macvlanMode']),

  ensureNetwork(host, network) {
    const name = network.bridgeName!;
    const done: string[] = [];
    let link = host.link(name);
    if (link === undefined) {
      host.rt.request(
        createBridge({
          name,
          mac: bridgeMac(network.id),
          group: OWNED_GROUP,
          // There is no STP to wait for. With a delay, the kernel says of each port once more that it is there, 15 s late.
          forwardDelaySeconds: 0,
        }),
      );
      // Nobody else has the bridge's link-local address. While it was being detected whether somebody does, for a second
      // or two after the first endpoint, the host could not ask for the endpoints' MACs.
      writeSysctl(`net.ipv6.conf.${sysctlPart(name)}.accept_dad`, '0');
      // Where the host is to have no address it has not the one that the kernel would give, which every endpoint could find.
      if (!network.subnets.some(({ family }) => family === 6 && hasBridgeAddress(network, family)))
        host.rt.request(setLink(name, { linkLocal: 'none' }));
      step(`bridge ${name}: alias`);
      // An MTU that a bridge was born with would go when its last port goes (net/bridge/br_if.c: br_mtu_auto_adjust).
      host.rt.request(setLink(name, { alias: ownerAlias(network.id), mtuBytes: network.mtuBytes }));
      link = host.link(name)!;
      done.push(`bridge ${name}: made`);
    } else if (ownerOf(link.alias) !== network.id) {
      throw new PontoonError(
        'interface-taken',
        `the host has an interface ${name} already: choose another bridge name`,
        { subject: name },
      );
    }
    return [...done, ...repairBridge(host, network, link)];
  },

  removeNetwork(host, network) {
    const link = host.link(network.bridgeName!);
    if (link === undefined || ownerOf(link.alias) !== network.id) return;
    // Its routes go at once: a new network may have the same subnet before the kernel has deleted this bridge.
    host.rt.batch(globalAddresses(host.rt, link.index).map((address) => deleteAddress(link.index, address)));
    host.forget(link.name);
    host.reaper.delete([link.name]);
  },

  attach(host, sandbox, attachment) {
    const { network, endpoint } = attachment;
    const name = endpoint.hostInterface!;
    step(`${name}: pair`);
    createPair(host, sandbox, attachment);
    step(`${name}: addresses`);
    bringUpInterface(sandbox, network, endpoint);
    step(`${name}: alias`);
    // Before it comes up: a port carries no addresses, not even the link-local one that the kernel would give it, and one
    // that is to be alone is so from its first packet.
    host.rt.batch([
      setLink(name, { alias: ownerAlias(endpoint.id), linkLocal: 'none' }),
      ...(network.icc ? [] : [setBridgePort(host.link(name)!.index, { isolated: true })]),
      setLink(name, { up: true }),
    ]);
  },

  detach(host, sandbox, { endpoint }) {
    if (sandbox !== undefined) cutOff(host, endpoint.hostInterface!);
    host.reaper.delete([endpoint.hostInterface!]);
  },

  isForwarding(host, endpoint) {
    return host.link(endpoint.hostInterface!)?.port?.state === 'forwarding';
  },

  repair(host, sandbox, attachment) {
    const { network, endpoint, sandboxName } = attachment;
    const hostLink = host.link(endpoint.hostInterface!);
    const inner = getLink(sandbox.rt, endpoint.interfaceName!);
    if (hostLink === undefined || inner === undefined || inner.peer !== hostLink.index) {
      remakeRoom(host, sandbox, hostLink, inner, attachment);
      this.attach(host, sandbox, attachment);
      return [`${endpoint.interfaceName} of ${sandboxName}: made again, with ${endpoint.hostInterface}`];
    }
    // The interface first: a port has a state only while the other end is up.
    return [...repairInterface(sandbox, inner, network, endpoint, sandboxName), ...repairPort(host, hostLink, network)];
  },
};

function repairBridge(host: Host, network: NetworkRecord, link: Link): string[] {
  const name = link.name;
  const done: string[] = [];
  const requests: NetlinkRequest[] = [];
  const repair = (line: string, request: NetlinkRequest): void => {
    done.push(line);
    requests.push(request);
  };
  const mac = bridgeMac(network.id);
  if (link.mac !== mac) repair(`bridge ${name}: MAC ${link.mac} → ${mac}`, setLink(link.index, { mac }));
  if (link.mtuBytes !== network.mtuBytes) {
    repair(
      `bridge ${name}: MTU ${link.mtuBytes} → ${network.mtuBytes}`,
      setLink(link.index, { mtuBytes: network.mtuBytes }),
    );
  }
  const wanted = network.subnets.flatMap(({ gateway, family }) =>
    gateway === undefined || !hasBridgeAddress(network, family) ? [] : [withPrefixLength(network, gateway)],
  );
  const addresses = planAddresses(host.rt, link.index, wanted);
  done.push(...addresses.done.map((line) => `bridge ${name}: ${line}`));
  requests.push(...addresses.requests);
  // A connection from the host's 127.0.0.1 to a published port comes back on the bridge for 127.0.0.1.
  if (readSysctl(`net.ipv4.conf.${sysctlPart(name)}.route_localnet`) !== '1') {
    repair(`bridge ${name}: route_localnet 0 → 1`, setLink(link.index, { ipv4: { [IPV4_DEVCONF_ROUTE_LOCALNET]: 1 } }));
  }
  // What an endpoint says of routes is none of the host's business (CVE-2020-13401).
  const acceptsRoutes = `net.ipv6.conf.${sysctlPart(name)}.accept_ra`;
  if (readSysctl(acceptsRoutes) !== '0') {
    writeSysctl(acceptsRoutes, '0');
    done.push(`bridge ${name}: accept_ra 1 → 0`);
  }
  if (!link.up) repair(`bridge ${name}: brought up`, setLink(link.index, { up: true }));
  step(`bridge ${name}: settings`);
  // And one from its ::1 likewise; IPv6 has no such setting, but a local route of the bridge's own does it (docs/decisions/0002).
  const ipv6 = network.subnets.some(({ family }) => family === 6);
  const loopback = addRoute({
    destination: '::1/128',
    type: 'local',
    table: RT_TABLE_LOCAL,
    link: link.index,
    metric: LOOPBACK_METRIC + link.index,
  });
  if (ipv6 && !link.up) requests.push(loopback);
  else if (
    ipv6 &&
    !listRoutes(host.rt, { family: 6, table: RT_TABLE_LOCAL }).some(
      (route) => route.link === link.index && route.destination === '::1/128',
    )
  ) {
    repair(`bridge ${name}: local route ::1 added`, loopback);
  }
  host.rt.batch(requests);
  return done;
}

/** Makes the pair of an endpoint, one end a port of the bridge, the other in the sandbox. @throws PontoonError */
function createPair(host: Host, sandbox: OpenNamespace, attachment: Attachment): void {
  const { network, endpoint } = attachment;
  const ends = { mtuBytes: network.mtuBytes, ...bigTcp() };
  const pairOn = (master: number): NetlinkRequest =>
    createVeth({
      name: endpoint.hostInterface!,
      master,
      group: OWNED_GROUP,
      ...ends,
      peer: {
        name: endpoint.interfaceName!,
        namespaceFd: sandbox.namespace.fd,
        ...(endpoint.mac === undefined ? {} : { mac: endpoint.mac }),
        ...ends,
      },
    });
  const create = (): Link | undefined => createAndRead(host.rt, pairOn(bridgeIndex(host, network)));
  let link: Link | undefined;
  try {
    link = host.retryIfGone(network.bridgeName!, create);
  } catch (error) {
    throw explainRefusal(error, attachment);
  }
  if (link?.peer === undefined) sandbox.indexes.delete(endpoint.interfaceName!);
  else sandbox.indexes.set(endpoint.interfaceName!, link.peer);
}

function bridgeIndex(host: Host, network: NetworkRecord): number {
  const index = host.indexOf(network.bridgeName!);
  if (index === undefined) throw bridgeGone(network);
  return index;
}

/** The flags of a port that are ours to set. */
type PortFlag = 'isolated' | 'learning' | 'hairpin';

function repairPort(host: Host, link: Link, network: NetworkRecord): string[] {
  const done: string[] = [];
  const bridge = host.link(network.bridgeName!);
  if (bridge === undefined) throw bridgeGone(network);
  if (link.master !== bridge.index) {
    host.rt.request(setLink(link.index, { master: bridge.index }));
    done.push(`${link.name}: put back on ${bridge.name}`);
  }
  if (!link.up) {
    host.rt.request(setLink(link.index, { up: true }));
    done.push(`${link.name}: brought up`);
  }
  const { carrier, port } = host.link(link.name) as Link & { port: NonNullable<Link['port']> };
  for (const [flag, wanted] of Object.entries({ isolated: !network.icc, learning: true, hairpin: false }) as [
    PortFlag,
    boolean,
  ][]) {
    if (port[flag] === wanted) continue;
    step(`${link.name}: ${flag}`);
    host.rt.request(setBridgePort(link.index, { [flag]: wanted }));
    done.push(`${link.name}: ${flag} ${port[flag]} → ${wanted}`);
  }
  const blocked = port.state === 'disabled' || port.state === 'blocking';
  if (carrier && blocked && trySetPortState(host, link, 'forwarding')) {
    done.push(`${link.name}: state ${port.state} → forwarding`);
  }
  return done;
}

/** Deletes what stands where the pair is to be: half a pair of ours, never an interface of somebody else. */
function remakeRoom(
  host: Host,
  sandbox: OpenNamespace,
  outer: Link | undefined,
  inner: Link | undefined,
  { endpoint }: Attachment,
): void {
  step(`${endpoint.hostInterface}: remains`);
  if (outer !== undefined) removeLink(host.rt, outer.index);
  const rest = getLink(sandbox.rt, endpoint.interfaceName!);
  if (rest === undefined) return;
  if (inner?.mac !== endpoint.mac) {
    throw new PontoonError(
      'interface-taken',
      `the sandbox has another interface ${rest.name}: rename or delete that one`,
      { subject: rest.name },
    );
  }
  removeLink(sandbox.rt, rest.index);
}

/** Stops a port at once: deleting the link comes a few milliseconds later. */
function cutOff(host: Host, name: string): void {
  const link = host.link(name);
  if (link?.port === undefined) return;
  step(`${name}: cut off`);
  trySetPortState(host, link, 'disabled');
}

/** False where the port is gone, or the kernel itself decides on its state: it has no carrier yet, or STP runs. */
function trySetPortState(host: Host, { index }: Link, state: 'disabled' | 'forwarding'): boolean {
  try {
    host.rt.request(setBridgePort(index, { state }));
    return true;
  } catch (error) {
    if (!KernelError.isKernel(error, 'ENODEV', 'ENETDOWN', 'EBUSY')) throw error;
    return false;
  }
}

function explainRefusal(error: unknown, { network, endpoint, sandboxName }: Attachment): unknown {
  if (KernelError.isKernel(error, 'EXFULL')) {
    return new PontoonError(
      'pool-full',
      `network ${network.name} has ${BRIDGE_PORTS} endpoints, which is as many as a bridge takes: use another network for more`,
      {
        cause: error,
        subject: network.name,
      },
    );
  }
  if (KernelError.isKernel(error, 'EEXIST')) return interfaceTaken(sandboxName, endpoint.interfaceName!, error);
  return error;
}

function bridgeGone(network: NetworkRecord): PontoonError {
  return new PontoonError(
    'network-not-found',
    `the bridge ${network.bridgeName} of network ${network.name} is gone: run 'pontoon reconcile'`,
    {
      subject: network.name,
    },
  );
}

/** Stable over restarts: without one of its own, a bridge takes the lowest MAC of its ports and changes it with them. */
function bridgeMac(networkId: string): string {
  const digest = createHash('sha256').update(networkId).digest();
  return `02:42:${[...digest.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, '0')).join(':')}`;
}

function bigTcp(): Pick<LinkSettings, 'gsoMaxBytes' | 'groMaxBytes'> {
  return hasFeature('big-tcp') ? { gsoMaxBytes: GSO_MAX_BYTES, groMaxBytes: GSO_MAX_BYTES } : {};
}
