/**
 * @module A container's network stack: how its network mode becomes a sandbox of the engine, and the lines that it gets
 * in /etc/hosts on top of the engine's own. The sandbox has the container's ID and name.
 */

import { isDeepStrictEqual } from 'node:util';
import { PontoonError } from '../errors.ts';
import type { InitialEndpoint } from '../network/engine.ts';
import { DEFAULT_NETWORK } from '../network/networks.ts';
import type { Sandbox, SandboxSpec } from '../network/types.ts';
import { type Context, wrongState } from './context.ts';
import type { Entry } from './entry.ts';
import { type ContainerRecord, isActive } from './record.ts';
import type { Table } from './table.ts';
import type { LinkSpec, NetworkModeSpec, ResolvedSpec } from './types.ts';

/** The label by which a sandbox is known to be a container's. */
export const CONTAINER_LABEL = 'org.pontoon.container';

/** Another container's address, and under which names it is known. */
type HostLine = readonly [name: string, address: string];

/** The sandbox of a new container, which is not started yet. @throws PontoonError container-not-found */
export function sandboxSpec(
  context: Context,
  { id, name, spec }: Pick<ContainerRecord, 'id' | 'name' | 'spec'>,
): SandboxSpec & { readonly running: false; readonly endpoints: readonly InitialEndpoint[] } {
  const { domainname, dns, dnsSearch, dnsOptions } = spec;
  return {
    id,
    name,
    running: false,
    hostname: spec.hostname,
    labels: { [CONTAINER_LABEL]: name },
    extraHosts: fixedHosts(context, spec),
    ...namespaceOf(context, spec.network),
    endpoints: endpointsOf(spec),
    ...(domainname === undefined ? {} : { domainname }),
    ...(dns === undefined ? {} : { dns }),
    ...(dnsSearch === undefined ? {} : { dnsSearch }),
    ...(dnsOptions === undefined ? {} : { dnsOptions }),
  };
}

/** The container whose stack another one has in the end, its own in most cases. @throws PontoonError container-not-found */
export function stackOwner(table: Table, { record }: Entry): Entry {
  const { network } = record.spec;
  const other = network.mode === 'container' ? table.find(network.container) : undefined;
  return other === undefined ? table.find(record.id) : stackOwner(table, other);
}

/** Gives a container its stack. @throws PontoonError container-state when it is another's that does not run */
export async function startStack(context: Context, entry: Entry): Promise<Sandbox> {
  const { engine, table } = context;
  const owner = stackOwner(table, entry);
  if (owner !== entry) {
    if (owner.process === undefined)
      throw wrongState(owner, `cannot join network of a non running container: ${owner.id}`);
    return engine.startSandbox(entry.id, namespaceOf(context, entry.record.spec.network).namespace);
  }
  if ((entry.record.spec.links ?? []).length > 0) {
    requireLinked(context, entry);
    await updateHosts(context, entry);
  }
  const sandbox = await engine.startSandbox(entry.id);
  await Promise.all(linkedBy(table, entry).map((other) => updateHosts(context, other)));
  return sandbox;
}

/** Takes the stack away, also from those who share it: their processes stay in a namespace without interfaces. */
export async function stopStack(context: Context, entry: Entry): Promise<void> {
  await stopSharers(context, entry);
  await context.engine.stopSandbox(entry.id);
}

/** One that is being removed at the same time has lost the stack already. */
export async function stopSharers({ engine, table }: Context, entry: Entry): Promise<void> {
  const stop = async ({ id }: Entry): Promise<void> => {
    try {
      await engine.stopSandbox(id);
    } catch (error) {
      if (!PontoonError.is(error, 'sandbox-not-found')) throw error;
    }
  };
  await Promise.all(sharers(table, entry).map(stop));
}

/** Who has the stack of a container besides it. */
function sharers(table: Table, entry: Entry): Entry[] {
  return [...table].filter(
    (other) => other !== entry && other.record.spec.network.mode === 'container' && sharesStack(table, other, entry),
  );
}

function sharesStack(table: Table, other: Entry, entry: Entry): boolean {
  try {
    return stackOwner(table, other) === entry;
  } catch (error) {
    if (PontoonError.is(error, 'container-not-found')) return false; // the owner has been removed
    throw error;
  }
}

function namespaceOf({ table }: Context, network: NetworkModeSpec): Pick<SandboxSpec, 'namespace'> {
  if (network.mode === 'host') return { namespace: 'host' };
  if (network.mode === 'container') return { namespace: { sandbox: table.find(network.container).id } };
  return {};
}

function endpointsOf(spec: ResolvedSpec): readonly InitialEndpoint[] {
  const { network } = spec;
  if (network.mode === 'host') return [{ network: 'host' }];
  if (network.mode === 'none') return [{ network: 'none' }];
  if (network.mode === 'container') return [];
  const [first, ...rest] = network.endpoints;
  if (first === undefined || spec.publishAll !== true) return network.endpoints;
  const bound = network.endpoints.flatMap(({ ports = [] }) => ports);
  const open = spec.exposedPorts.filter(
    ({ port, protocol }) => !bound.some((one) => (one.protocol ?? 'tcp') === protocol && isIn(port, [one.port].flat())),
  );
  return [{ ...first, ports: [...(first.ports ?? []), ...open] }, ...rest];
}

/** A port, or the first and the last of a range. */
function isIn(port: number, range: readonly number[]): boolean {
  return port >= range[0]! && port <= range.at(-1)!;
}

/** The lines that the user asked for; 'host-gateway' is the host's address on the default network. */
export function fixedHosts({ engine }: Context, { extraHosts = [] }: ResolvedSpec): HostLine[] {
  return extraHosts.map(([name, address]) => [name, address === 'host-gateway' ? hostGateway(engine) : address]);
}

function hostGateway(engine: Context['engine']): string {
  const gateway = engine.inspectNetwork(DEFAULT_NETWORK).subnets.find(({ family }) => family === 4)?.gateway;
  if (gateway !== undefined) return gateway;
  throw new PontoonError('bad-value', `network ${DEFAULT_NETWORK} has no gateway: write an address for host-gateway`);
}

async function updateHosts(context: Context, entry: Entry): Promise<void> {
  const { engine } = context;
  const extraHosts = [...fixedHosts(context, entry.record.spec), ...linkLines(context, entry)];
  await engine.updateSandbox(entry.id, { extraHosts });
}

/** The running containers that have a link to this one. */
function linkedBy(table: Table, { id }: Entry): Entry[] {
  return [...table].filter(
    (other) => other.process !== undefined && other.record.spec.links?.some(({ container }) => container === id),
  );
}

/** The same links by IDs: a reference may mean another container tomorrow. @throws PontoonError container-not-found */
export function linksById(table: Table, links: readonly LinkSpec[]): LinkSpec[] {
  return links.map((link) => ({ ...link, container: table.find(link.container).id }));
}

/** Links by IDs, which it has from now on. @throws PontoonError container-state */
export async function addLinks(context: Context, entry: Entry, added: readonly LinkSpec[]): Promise<void> {
  const { spec } = entry.record;
  const kept = (spec.links ?? []).filter((one) => !added.some((other) => isDeepStrictEqual(one, other)));
  if (added.length > 0) context.table.commit(entry, { spec: { ...spec, links: [...kept, ...added] } });
  if (entry.process !== undefined && entry.record.spec.links?.length) await updateHosts(context, entry);
}

/** On the default network a container starts only when those that it is linked to run. @throws PontoonError container-state */
function requireLinked({ engine, table }: Context, { id, record }: Entry): void {
  const { endpoints } = engine.inspectSandbox(id);
  if (!endpoints.some(({ networkName }) => networkName === DEFAULT_NETWORK)) return;
  for (const { container, alias, network } of record.spec.links ?? []) {
    if (network !== undefined) continue;
    const other = table.find(container);
    if (isActive(other.record)) continue;
    const link = `/${other.record.name} AS /${record.name}/${alias}`;
    throw wrongState(other, `Cannot link to a non running container: ${link}`);
  }
}

/**
 * Old links (daemon/links_linux.go): the other's alias, hostname and name, with its address on a network of both, while
 * it runs.
 */
function linkLines({ engine, table }: Context, { id, record }: Entry): HostLine[] {
  const { endpoints } = engine.inspectSandbox(id);
  const own = new Set(endpoints.map(({ networkId }) => networkId));
  return (record.spec.links ?? []).flatMap(({ container, alias, network }): HostLine[] => {
    const other = table.get(container);
    if (other === undefined || !isActive(other.record)) return [];
    const address = engine
      .inspectSandbox(other.id)
      .endpoints.find(
        ({ networkId, ipv4 }) => own.has(networkId) && networkId === (network ?? networkId) && ipv4 !== undefined,
      )
      ?.ipv4?.split('/')[0];
    if (address === undefined) return [];
    return [...new Set([alias, other.record.spec.hostname, other.record.name])].map((name) => [name, address]);
  });
}
