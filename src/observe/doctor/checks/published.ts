/**
 * @module Published ports: open to whom, led to whom, and whether anybody listens there.
 */

import type { Address } from '../../../ipam/index.ts';
import { isObject, type Json, type JsonObject, tryAddress } from '../../explain/filter/nft-data.ts';
import { inNamespace, type Stack } from '../../explain/model.ts';
import { lookUpRoute } from '../../explain/route.ts';
import type { Container, PublishedPort } from '../../snapshot/types.ts';
import { caused, condition, type Finding } from '../finding.ts';
import type { Patient } from '../patient.ts';

export function checkPublished(patient: Patient): Finding[] {
  return [...patient.snapshot.containers.flatMap((one) => checkContainer(patient, one)), ...leadingNowhere(patient)];
}

function checkContainer(patient: Patient, container: Container): Finding[] {
  const stack = patient.model.stack(container.namespace);
  if (stack === undefined || stack.isHost) return [];
  const { name, networks, engine } = container;
  const ports = container.ports.filter(({ hostPort }) => hostPort !== undefined);
  if (ports.length === 0) return [];
  const internal = networks.filter(({ network }) =>
    patient.snapshot.networks.some((one) => one.engine === engine && one.name === network && one.internal === true),
  );
  if (networks.length > 0 && internal.length === networks.length) {
    const [first] = internal;
    const sentence = `${name} publishes ports, but is on internal networks only (${first?.network}): nobody outside reaches them.`;
    const remedy = [`${engine} network connect NETWORK ${name}`];
    return [condition('warning', 'network-internal', { namespace: stack.name, interface: '' }, sentence, remedy)];
  }
  // One port on all addresses of both families is one thing to be said.
  const groups = Map.groupBy(
    ports,
    ({ protocol, hostPort, containerPort }) => `${protocol} ${hostPort} ${containerPort}`,
  );
  return [...groups.values()].flatMap((same) => [exposure(container, same), ...listeners(stack, container, same)]);
}

function exposure({ name, engine, image }: Container, ports: readonly PublishedPort[]): Finding {
  const { protocol, hostPort, containerPort } = ports[0] as PublishedPort;
  const addresses = [...new Set(ports.map(({ hostAddress }) => hostAddress))];
  const isAny = addresses.some((one) => one === '0.0.0.0' || one === '::' || one === '');
  const isLocal = addresses.every((one) => one.startsWith('127.') || one === '::1');
  const whom = isAny
    ? 'to everybody who reaches any address of this host'
    : isLocal
      ? 'to this host only'
      : `to everybody who reaches ${addresses.join(' or ')}`;
  const sentence = `Port ${hostPort}/${protocol} leads to ${name}:${containerPort} and is open ${whom}.`;
  const remedy = isAny
    ? [`${engine} run -p 127.0.0.1:${hostPort}:${containerPort}/${protocol} ${image ?? 'IMAGE'}`]
    : [];
  return condition('notice', 'exposed-port', { namespace: 'host', interface: '' }, sentence, remedy);
}

/** Nobody there may be a program that still starts; one that listens on loopback will never be reached. */
function listeners(stack: Stack, { name }: Container, ports: readonly PublishedPort[]): Finding[] {
  const { protocol, containerPort } = ports[0] as PublishedPort;
  const sockets = stack.namespace.sockets.filter((one) => one.protocol === protocol && one.port === containerPort);
  const at = { namespace: stack.name, interface: '' };
  const command = inNamespace(stack, `ss -lnp 'sport = :${containerPort}'`);
  const facts = { namespace: name, protocol, port: String(containerPort), command };
  if (sockets.length === 0) return [caused('notice', 'no-listener', at, facts)];
  if (sockets.some(({ address }) => !address.startsWith('127.') && address !== '::1')) return [];
  const listens = [...new Set(sockets.map(({ address }) => address))].join(', ');
  return [caused('warning', 'listener-loopback', at, { ...facts, listens })];
}

/** Rules that lead to an address on a segment of the host's own, where nobody has it. */
function leadingNowhere(patient: Patient): Finding[] {
  const { host, model } = patient;
  if (host === undefined) return [];
  const targets = new Map<string, string>();
  for (const { text } of host.namespace.xtables) {
    for (const [rule, target] of text.matchAll(/^.*-j DNAT --to-destination (\S+).*$/gm))
      targets.set(target ?? '', rule);
  }
  for (const target of nftTargets(host.namespace.nftables.ruleset as readonly Json[])) targets.set(target, '');
  return [...targets].flatMap(([target, rule]) => {
    const address = tryAddress(target.replace(/^\[(.*)\].*$/, '$1').replace(/^([\d.]+):.*$/, '$1'));
    if (address === undefined || model.owners(address).length > 0 || !isAtHome(patient, host, address)) return [];
    const place = rule === '' ? 'a rule of nftables' : rule.replace(/^\[\d+:\d+\] /, '');
    const command = rule === '' ? 'nft -a list ruleset' : `iptables -t nat ${place.replace(/^-A/, '-D')}`;
    const facts = { destination: target, place, command };
    return [caused('warning', 'dnat-nowhere', { namespace: host.name, interface: '' }, facts)];
  });
}

/** Whether the snapshot shows everybody who could have the address. */
function isAtHome(patient: Patient, host: Stack, address: Address): boolean {
  const route = lookUpRoute(host, { destination: address });
  if (route?.link === undefined || route.via !== undefined || route.type !== 'unicast') return false;
  return route.link.bridge !== undefined && !patient.segmentOf({ stack: host, link: route.link }).leadsOut;
}

/** Where nftables' dnat statements lead: written in the rule, or in a map. */
function nftTargets(ruleset: readonly Json[]): string[] {
  const maps = new Map<string, Json>();
  for (const { map } of ruleset.filter(isObject)) {
    if (isObject(map)) maps.set(`${map.family} ${map.table} @${map.name}`, map.elem ?? null);
  }
  return ruleset.filter(isObject).flatMap(({ rule }) => {
    if (!isObject(rule) || !Array.isArray(rule.expr)) return [];
    return (rule.expr as readonly Json[]).flatMap((statement) => {
      const dnat = isObject(statement) ? statement.dnat : undefined;
      return isObject(dnat)
        ? addressesIn(dnat.addr ?? null, (name) => maps.get(`${rule.family} ${rule.table} ${name}`))
        : [];
    });
  });
}

function addressesIn(value: Json, mapNamed: (name: string) => Json | undefined): string[] {
  if (typeof value === 'string') return [value];
  if (!isObject(value) || !isObject(value.map)) return [];
  const { data } = value.map as JsonObject;
  const elements = typeof data === 'string' ? (mapNamed(data) ?? null) : isObject(data) ? (data.set ?? null) : null;
  if (!Array.isArray(elements)) return [];
  // An element is a pair of key and value; a value of address and port is a concatenation.
  return (elements as readonly Json[]).flatMap((element) => {
    const to = Array.isArray(element) ? (element[1] as Json) : null;
    const first = isObject(to) && Array.isArray(to.concat) ? (to.concat[0] as Json) : to;
    return typeof first === 'string' ? [first] : [];
  });
}
