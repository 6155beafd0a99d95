/**
 * @module Layer 3: forwarding, reverse paths, sizes toward the uplink, and subnets that others route elsewhere.
 */

import type { Prefix } from '../../../ipam/index.ts';
import { type At, inNamespace, type Stack } from '../../explain/model.ts';
import { sourceFacts } from '../../explain/neighbour.ts';
import { refusesSource } from '../../explain/route.ts';
import type { ContainerEngine, ContainerNetwork, Route } from '../../snapshot/types.ts';
import { caused, condition, type Finding } from '../finding.ts';
import { addressesAt, isDefault, type Patient, tryPrefix } from '../patient.ts';

/** From where engines take a subnet when none is named. */
const POOLS: Readonly<Record<ContainerEngine, readonly string[]>> = {
  docker: ['172.16.0.0/12', '192.168.0.0/16'],
  podman: ['10.88.0.0/15', '10.90.0.0/15', '10.92.0.0/14', '10.96.0.0/11', '10.128.0.0/9'],
  pontoon: ['10.89.0.0/16', '10.90.0.0/15', '10.92.0.0/14', '10.96.0.0/11', '10.128.0.0/9', '172.18.0.0/15'],
};
/** Members that are asked for each interface: a wrong route is wrong for all of them. */
const SOURCES_MAX = 64;

export function checkRouting(patient: Patient): Finding[] {
  return [
    ...patient.model.stacks.flatMap((stack) =>
      [...stack.links].flatMap((link) => {
        const at = { stack, link };
        return [...forwardingOff(patient, at), ...reversePath(patient, at), ...largerThanUplink(patient, at)];
      }),
    ),
    ...missingDefaultRoutes(patient),
    ...overlaps(patient),
  ];
}

/** A bridge is a router's when somebody on it sends packets for elsewhere to its address. */
function forwardingOff(patient: Patient, at: At): Finding[] {
  const { stack, link } = at;
  if (link.bridge === undefined) return [];
  return ([4, 6] as const).flatMap((family) => {
    const isOn = family === 4 ? link.ipv4?.forwarding === true : (link.ipv6?.forwarding ?? 0) > 0;
    if (isOn || !usesAsRouter(patient, at, family)) return [];
    const setting = family === 4 ? 'net.ipv4.ip_forward=1' : 'net.ipv6.conf.all.forwarding=1';
    const facts = { namespace: stack.name, command: inNamespace(stack, `sysctl -w ${setting}`) };
    return [caused('error', 'forwarding-off', at, facts)];
  });
}

function usesAsRouter(patient: Patient, at: At, family: 4 | 6): boolean {
  const gateways = new Set(
    addressesAt(at)
      .filter(({ address }) => address.family === family)
      .map(({ address }) => address.toString()),
  );
  if (gateways.size === 0) return false;
  const others = new Set(patient.segmentOf(at).members.map(({ stack }) => stack));
  return [...others].some(
    (stack) =>
      stack !== at.stack &&
      stack.namespace.routes.some(({ nextHops }) => nextHops.some(({ via }) => via !== undefined && gateways.has(via))),
  );
}

/** Strict reverse path filtering, and somebody on the segment to whom the way back leads elsewhere. */
function reversePath(patient: Patient, at: At): Finding[] {
  const { stack, link } = at;
  const mode = Math.max(stack.namespace.settings.ipv4.all.rpFilter ?? 0, link.ipv4?.rpFilter ?? 0);
  if (mode !== 1 || link.kind === 'loopback') return [];
  const own = addressesAt(at).filter(({ address }) => address.family === 4);
  if (own.length === 0) return [];
  for (const { at: other, owned } of patient.othersOn(at).slice(0, SOURCES_MAX)) {
    if (owned.address.family !== 4) continue;
    const here = own.find(
      ({ prefix, address }) => prefix.contains(owned.address) || hasRouter(other.stack, address.toString()),
    );
    if (here === undefined) continue;
    if (refusesSource(stack, link, owned.address, here.address, 0) !== 'reverse-path') continue;
    return [caused('error', 'reverse-path', at, sourceFacts(at, owned.address))];
  }
  return [];
}

function hasRouter(stack: Stack, address: string): boolean {
  return stack.namespace.routes.some(({ nextHops }) => nextHops.some(({ via }) => via === address));
}

/** Members may send what the uplink cannot pass; whether they hear of it, firewalls on the way decide. */
function largerThanUplink(patient: Patient, at: At): Finding[] {
  const uplink = patient.uplink(4) ?? patient.uplink(6);
  if (!at.stack.isHost || at.link.bridge === undefined || uplink === undefined || uplink.link === at.link) return [];
  if (patient.segmentOf(at).members.some(({ link }) => link === uplink.link)) return [];
  if (networkOf(patient, at)?.internal === true) return [];
  if (!usesAsRouter(patient, at, 4) && !usesAsRouter(patient, at, 6)) return [];
  const ends = patient.portsOf(at).flatMap((port) => patient.peerOf(port) ?? []);
  const largest = Math.max(0, ...ends.map(({ link }) => link.mtuBytes));
  const { mtuBytes } = uplink.link;
  if (largest <= mtuBytes) return [];
  const sentence =
    `On ${at.link.name} packets may have ${largest} bytes, but the uplink ${uplink.link.name} passes at most ${mtuBytes}: ` +
    'large ones hang where the message about it (ICMP) is lost.';
  return [condition('warning', 'mtu-too-small', at, sentence, [`ip link set ${at.link.name} mtu ${mtuBytes}`])];
}

/** A container whose engine gave it a gateway, and that has no default route. */
function missingDefaultRoutes({ model, snapshot }: Patient): Finding[] {
  const internal = new Set(
    snapshot.networks.filter((one) => one.internal).map(({ engine, name }) => `${engine} ${name}`),
  );
  return snapshot.containers.flatMap(({ engine, namespace, networks }) => {
    const stack = model.stack(namespace);
    const [endpoint] = networks.filter(
      ({ gateways, network }) => !internal.has(`${engine} ${network}`) && gateways.some((one) => isIpv4(one)),
    );
    const gateway = endpoint?.gateways.find(isIpv4);
    if (stack === undefined || stack.isHost || gateway === undefined) return [];
    if (stack.namespace.routes.some((route) => route.family === 4 && isDefault(route))) return [];
    const command = inNamespace(stack, `ip route add default via ${gateway}`);
    const facts = { namespace: stack.name, destination: 'anybody beyond its own networks', command };
    return [caused('error', 'no-route', { namespace: stack.name, interface: '' }, facts)];
  });
}

function isIpv4(address: string): boolean {
  return /^\d+\.\d+\.\d+\.\d+$/.test(address);
}

/** Subnets of networks, and pools that networks to come will have theirs from, against the host's other routes. */
function overlaps(patient: Patient): Finding[] {
  const { host, snapshot } = patient;
  if (host === undefined) return [];
  const routes = host.namespace.routes.flatMap((route) => {
    const prefix = tryPrefix(route.destination);
    // Routes of length 0 and 1 are default routes: VPNs use halves.
    if (prefix === undefined || prefix.length <= 1 || route.type !== 'unicast' || isLinkLocal(prefix)) return [];
    return [{ route, prefix }];
  });
  const bridged = snapshot.networks.filter(({ driver }) => driver === 'bridge');
  const bridges = new Set(bridged.map(({ bridge }) => bridge));
  const linkName = (route: Route): string | undefined => host.link(route.nextHops[0]?.link)?.name;
  const foreign = routes.filter(({ route }) => !bridges.has(linkName(route)));
  return [
    ...bridged.flatMap((network) =>
      network.subnets.flatMap(({ subnet }) => {
        const prefix = tryPrefix(subnet);
        const other =
          prefix && routes.find((one) => linkName(one.route) !== network.bridge && one.prefix.overlaps(prefix));
        return prefix === undefined || other === undefined ? [] : [subnetOverlap(host, network, prefix, other)];
      }),
    ),
    ...[...new Set(snapshot.networks.map(({ engine }) => engine))].flatMap((engine) =>
      poolOverlap(engine, foreign, linkName),
    ),
  ];
}

interface Routed {
  readonly route: Route;
  readonly prefix: Prefix;
}

function subnetOverlap(host: Stack, network: ContainerNetwork, subnet: Prefix, { route, prefix }: Routed): Finding {
  const link = host.link(route.nextHops[0]?.link);
  const way = `${prefix} by ${link?.name ?? route.nextHops[0]?.via ?? 'another way'}`;
  const takesOver = prefix.length >= subnet.length;
  const sentence = takesOver
    ? `The host routes ${way}, which takes packets away from the ${network.engine} network ${network.name} (${subnet}).`
    : `The ${network.engine} network ${network.name} (${subnet}) hides a part of what the host routes: ${way}.`;
  const at = { namespace: host.name, interface: network.bridge ?? '' };
  const remedy = `${network.engine} network rm ${network.name} && ${network.engine} network create --subnet SUBNET ${network.name}`;
  return condition(takesOver ? 'error' : 'warning', 'subnet-overlap', at, sentence, [remedy]);
}

function poolOverlap(
  engine: ContainerEngine,
  foreign: readonly Routed[],
  linkName: (route: Route) => string | undefined,
): Finding[] {
  for (const pool of POOLS[engine].flatMap((text) => tryPrefix(text) ?? [])) {
    const other = foreign.find(({ prefix }) => prefix.overlaps(pool));
    if (other === undefined) continue;
    const name = linkName(other.route) ?? '';
    const sentence =
      `${engine} takes subnets for new networks from ${pool}, of which the host routes ${other.prefix} by ${name}: ` +
      'a network that is made while that route is away takes its addresses.';
    return [condition('notice', 'pool-overlap', { namespace: 'host', interface: name }, sentence)];
  }
  return [];
}

function isLinkLocal(prefix: Prefix): boolean {
  return /^(?:fe80|169\.254\.|ff)/.test(prefix.toString());
}

export function networkOf({ snapshot }: Patient, { stack, link }: At): ContainerNetwork | undefined {
  return stack.isHost ? snapshot.networks.find(({ bridge }) => bridge === link.name) : undefined;
}
