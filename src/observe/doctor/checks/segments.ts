/**
 * @module Layer 2: what must be unique on a segment, what must agree, and the tables that somebody set by hand.
 */

import type { Address } from '../../../ipam/index.ts';
import { tryAddress } from '../../explain/filter/nft-data.ts';
import { type At, inNamespace, labelOf, type Owned } from '../../explain/model.ts';
import type { FdbEntry, Neighbour } from '../../snapshot/types.ts';
import { caused, type Finding } from '../finding.ts';
import { addressesAt, type LayerTwoSegment, type Patient } from '../patient.ts';

/** Kinds that have the MAC of a link below or of a port by design. */
const BORROWS_MAC = new Set(['bridge', 'vlan', 'ipvlan', 'bond', 'team', 'vrf', 'loopback']);

export function checkSegments(patient: Patient): Finding[] {
  return [
    ...patient.segments.flatMap((segment) => [...duplicateAddresses(segment), ...duplicateMacs(segment)]),
    ...patient.model.stacks.flatMap((stack) => [
      ...[...stack.links].flatMap((link) => [
        ...addressOnPort({ stack, link }),
        ...unequalSizes(patient, { stack, link }),
      ]),
      ...stack.owned.flatMap((owned) => [
        ...failedDetection({ stack, link: owned.link }, owned),
        ...disagreeingPrefix(patient, { stack, link: owned.link }, owned),
      ]),
      ...stack.namespace.neighbours.flatMap((entry) => {
        const link = stack.link(entry.link);
        return link === undefined ? [] : wrongNeighbour(patient, { stack, link }, entry);
      }),
      ...stack.namespace.fdb.flatMap((entry) => {
        const link = stack.link(entry.link);
        return link === undefined ? [] : wrongForwarding(patient, { stack, link }, entry);
      }),
    ]),
  ];
}

function duplicateAddresses({ members }: LayerTwoSegment): Finding[] {
  const holders = members.flatMap((at) => addressesAt(at).map((owned) => ({ at, owned })));
  return [...Map.groupBy(holders, ({ owned }) => owned.address.toString())].flatMap(([address, all]) => {
    const [first] = all;
    const second = all.find(({ at }) => at.stack !== first?.at.stack);
    if (first === undefined || second === undefined) return [];
    const { stack, link } = second.at;
    const command = inNamespace(stack, `ip addr del ${address}/${second.owned.entry.prefixLength} dev ${link.name}`);
    const facts = { address, first: labelOf(first.at), second: labelOf(second.at), command };
    return [caused('error', 'duplicate-address', second.at, facts)];
  });
}

function duplicateMacs({ members }: LayerTwoSegment): Finding[] {
  const own = members.filter(({ link }) => link.mac !== undefined && !BORROWS_MAC.has(link.kind) && !sharesBelow(link));
  return [...Map.groupBy(own, ({ link }) => link.mac as string)].flatMap(([mac, [first, second]]) => {
    if (first === undefined || second === undefined) return [];
    return [caused('error', 'duplicate-mac', second, { mac, first: labelOf(first), second: labelOf(second) })];
  });
}

/** A macvlan in passthru mode has its parent's MAC. */
function sharesBelow({ macvlan }: At['link']): boolean {
  return macvlan?.mode === 'passthru';
}

function addressOnPort(at: At): Finding[] {
  const { stack, link } = at;
  const bridge = stack.link(link.master);
  if (bridge?.bridge === undefined) return [];
  return addressesAt(at).map(({ address, prefix, entry }) => {
    const text = `${address}/${entry.prefixLength}`;
    return caused('error', 'address-on-port', at, {
      interface: labelOf(at),
      address: text,
      bridge: bridge.name,
      target: `anybody in ${prefix}`,
      command: inNamespace(stack, `ip addr del ${text} dev ${link.name}`),
      more: inNamespace(stack, `ip addr add ${text} dev ${bridge.name}`),
    });
  });
}

function failedDetection(at: At, { address, entry }: Owned): Finding[] {
  if (entry.dadFailed !== true) return [];
  const command = inNamespace(at.stack, `ip addr del ${address}/${entry.prefixLength} dev ${at.link.name}`);
  const facts = { address: address.toString(), first: labelOf(at), second: 'somebody who had it before', command };
  return [caused('error', 'duplicate-address', at, facts)];
}

/** Each side must take the other for a neighbour, seen from the bridge's own addresses. */
function disagreeingPrefix(patient: Patient, at: At, gateway: Owned): Finding[] {
  if (at.link.bridge === undefined || gateway.entry.scope === 'link') return [];
  for (const { at: other, owned } of patient.othersOn(at)) {
    if (owned.address.family !== gateway.address.family || owned.prefix.length === gateway.prefix.length) continue;
    if (owned.prefix.length >= 32 && routesTo(other, gateway.address)) continue;
    const [toOther, fromOther] = [gateway.prefix.contains(owned.address), owned.prefix.contains(gateway.address)];
    if (toOther === fromOther) continue;
    const [near, far] = toOther ? [labelOf(at), owned.address] : [labelOf(other), gateway.address];
    const farAddress = toOther
      ? `${owned.address}/${owned.entry.prefixLength}`
      : `${gateway.address}/${gateway.entry.prefixLength}`;
    const command = inNamespace(
      other.stack,
      `ip addr change ${owned.address}/${gateway.entry.prefixLength} dev ${other.link.name}`,
    );
    return [caused('error', 'wrong-prefix', other, { near, far: far.toString(), farAddress, command })];
  }
  return [];
}

/** A route to the gateway itself, as those have who give each container a /32. */
function routesTo({ stack }: At, gateway: Address): boolean {
  return stack.namespace.routes.some(({ destination }) => destination.startsWith(`${gateway}/`));
}

/** Layer 2 does not fragment: what one end may send, all others of the bridge must take. */
function unequalSizes(patient: Patient, at: At): Finding[] {
  if (at.link.bridge === undefined) return [];
  const ports = patient.portsOf(at);
  const ends = ports.flatMap((port) => patient.peerOf(port) ?? []).filter((one) => addressesAt(one).length > 0);
  const passed = [...ports.filter((port) => patient.peerOf(port) !== undefined), ...ends];
  const largest = Math.max(0, ...ends.map(({ link }) => link.mtuBytes));
  const smallest = passed.toSorted((a, b) => a.link.mtuBytes - b.link.mtuBytes)[0];
  if (smallest === undefined || smallest.link.mtuBytes >= largest) return [];
  const { mtuBytes, name } = smallest.link;
  return [
    caused('warning', 'mtu-too-small', smallest, {
      interface: labelOf(smallest),
      mtu: String(mtuBytes),
      size: `up to ${largest}`,
      command: inNamespace(smallest.stack, `ip link set ${name} mtu ${largest}`),
    }),
  ];
}

/** What somebody wrote into the neighbour table, and what the segment says. */
function wrongNeighbour(patient: Patient, at: At, { address, mac, state, proxy }: Neighbour): Finding[] {
  if (state !== 'PERMANENT' || mac === undefined || proxy === true) return [];
  const segment = patient.segmentOf(at);
  const target = tryAddress(address);
  if (target === undefined) return [];
  const others = segment.members.filter(({ stack }) => stack !== at.stack);
  const holders = others.filter((one) => addressesAt(one).some((owned) => owned.address.equals(target)));
  const isRight =
    holders.length > 0
      ? holders.some(({ link }) => link.mac === mac)
      : segment.leadsOut || others.some(({ link }) => link.mac === mac);
  if (isRight) return [];
  const command = inNamespace(at.stack, `ip neigh del ${address} dev ${at.link.name}`);
  return [caused('error', 'neighbour-wrong', at, { namespace: at.stack.name, address, mac, command })];
}

/** A static entry of a bridge, and who really is behind the port. */
function wrongForwarding(patient: Patient, port: At, { mac, type, bridge: index }: FdbEntry): Finding[] {
  const { stack, link } = port;
  const bridge = stack.link(index);
  if (type !== 'static' || bridge === undefined || link === bridge || isGroup(mac)) return [];
  const behind = patient.behind(port);
  if (behind.members.some((one) => one.link.mac === mac)) return [];
  const isElsewhere = patient.segmentOf(port).members.some((one) => one.link.mac === mac);
  if (!isElsewhere && behind.leadsOut) return [];
  const command = inNamespace(stack, `bridge fdb del ${mac} dev ${link.name} master`);
  const facts = { bridge: bridge.name, mac, interface: labelOf(port), command };
  return [caused(isElsewhere ? 'error' : 'warning', 'fdb-wrong', port, facts)];
}

/** Multicast and broadcast. */
function isGroup(mac: string): boolean {
  return (Number.parseInt(mac.slice(0, 2), 16) & 1) === 1;
}
