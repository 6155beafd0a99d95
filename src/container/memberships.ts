/**
 * @module The networks of a container that is there already: it joins and leaves them, running or not.
 *
 * Published ports belong to the container, not to the network that they lead through. Those of a network that it leaves
 * move to another of its networks, or wait for the next one; docker-compose leaves and joins before a first start.
 */

import { isDeepStrictEqual } from 'node:util';
import { PontoonError } from '../errors.ts';
import type { Endpoint, EndpointSpec, PortBinding, PortBindingSpec } from '../network/types.ts';
import type { Context } from './context.ts';
import type { Entry } from './entry.ts';
import type { NetworkModeSpec, ResolvedSpec } from './types.ts';

type Endpoints = Extract<NetworkModeSpec, { readonly mode: 'endpoints' }>['endpoints'];

/** Joins a network. @throws PontoonError; nothing has changed then */
export async function joinNetwork(
  { engine, table }: Context,
  entry: Entry,
  network: string,
  spec: EndpointSpec,
): Promise<Endpoint> {
  const waiting = waitingPorts(engine, entry);
  const own = spec.ports ?? [];
  const attach = (ports: readonly PortBindingSpec[]) => engine.attach(entry.id, network, { ...spec, ports });
  let carried = waiting.length > 0;
  const endpoint = await attach([...own, ...waiting]).catch((error: unknown) => {
    // A network that leads nowhere cannot publish: they go on waiting.
    if (!carried || !PontoonError.is(error, 'bad-value')) throw error;
    carried = false;
    return attach(own);
  });
  const others = endpointsOf(entry).filter((one) => one.network !== endpoint.networkName);
  table.commit(entry, {
    spec: withEndpoints(entry, [...others, { ...spec, network: endpoint.networkName }]),
    waitingPorts: carried ? [] : waiting,
  });
  return endpoint;
}

/** Leaves a network. @throws PontoonError endpoint-not-found, network-not-found */
export async function leaveNetwork({ engine, table }: Context, entry: Entry, network: string): Promise<void> {
  const { id, name } = engine.inspectNetwork(network);
  const { endpoints } = engine.inspectSandbox(entry.id);
  const ports = endpoints.find(({ networkId }) => networkId === id)?.ports ?? [];
  const waiting = [...waitingPorts(engine, entry), ...ports.map(specOf)];
  table.commit(entry, { waitingPorts: waiting });
  await engine.detach(entry.id, network);
  const others = endpoints.filter(({ networkId }) => networkId !== id);
  const left: PortBindingSpec[] = [];
  for (const spec of waiting) {
    if (!(await publishOnAny(others, (other) => engine.publish(entry.id, spec, { network: other })))) left.push(spec);
  }
  const networks = endpointsOf(entry).filter((one) => one.network !== name && !id.startsWith(one.network));
  table.commit(entry, { spec: withEndpoints(entry, networks), waitingPorts: left });
}

/** Those that are published may still be in the record, after a crash. */
function waitingPorts(engine: Context['engine'], { id, record }: Entry): PortBindingSpec[] {
  const published = engine.inspectSandbox(id).endpoints.flatMap(({ ports }) => ports.map(specOf));
  return (record.waitingPorts ?? []).filter((spec) => !published.some((one) => isDeepStrictEqual(one, spec)));
}

function endpointsOf({ record }: Entry): Endpoints {
  const { network } = record.spec;
  return network.mode === 'endpoints' ? network.endpoints : [];
}

/** Who began without a network of its own keeps its mode. */
function withEndpoints({ record: { spec } }: Entry, endpoints: Endpoints): ResolvedSpec {
  return spec.network.mode === 'endpoints' ? { ...spec, network: { mode: 'endpoints', endpoints } } : spec;
}

async function publishOnAny(
  endpoints: readonly Endpoint[],
  publish: (network: string) => Promise<unknown>,
): Promise<boolean> {
  for (const { networkId } of endpoints) {
    try {
      await publish(networkId);
      return true;
    } catch (error) {
      if (!PontoonError.is(error, 'bad-value')) throw error;
    }
  }
  return false;
}

/** As it was asked for: a host port that was chosen is to be chosen again. */
function specOf({ protocol, port, hostPort, hostAddress, chosenFrom = hostPort }: PortBinding): PortBindingSpec {
  return {
    protocol,
    port,
    ...(chosenFrom[0] === 0 ? {} : { hostPort: chosenFrom }),
    ...(hostAddress === undefined ? {} : { hostAddress }),
  };
}
