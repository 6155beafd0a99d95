/**
 * @module The networks of a container that is there already: it joins and leaves them, running or not.
 *
 * Published ports belong to the container, not to the network that they lead through. Those of a network that it leaves
 * move to another of its networks, or wait for the next one; docker-compose leaves and joins before a first start.
 */

import { PontoonError } from '../errors.ts';
import type { Endpoint, EndpointSpec, PortBinding, PortBindingSpec } from '../network/types.ts';
import type { Context } from './context.ts';
import type { Entry } from './entry.ts';

/** Joins a network. @throws PontoonError; nothing has changed then */
export async function joinNetwork(
  { engine, table }: Context,
  entry: Entry,
  network: string,
  spec: EndpointSpec,
): Promise<Endpoint> {
  const { waitingPorts = [] } = entry.record;
  if (waitingPorts.length === 0) return engine.attach(entry.id, network, spec);
  try {
    const ports = [...(spec.ports ?? []), ...waitingPorts];
    const endpoint = await engine.attach(entry.id, network, { ...spec, ports });
    table.commit(entry, { waitingPorts: [] });
    return endpoint;
  } catch (error) {
    // A network that leads nowhere cannot publish: they go on waiting.
    if (PontoonError.is(error, 'bad-value')) return engine.attach(entry.id, network, spec);
    throw error;
  }
}

/** Leaves a network. @throws PontoonError endpoint-not-found, network-not-found */
export async function leaveNetwork({ engine, table }: Context, entry: Entry, network: string): Promise<void> {
  const { id } = engine.inspectNetwork(network);
  const { endpoints } = engine.inspectSandbox(entry.id);
  const ports = endpoints.find(({ networkId }) => networkId === id)?.ports ?? [];
  await engine.detach(entry.id, network);
  if (ports.length === 0) return;
  const others = endpoints.filter(({ networkId }) => networkId !== id);
  const waiting: PortBindingSpec[] = [];
  for (const spec of ports.map(specOf)) {
    if (!(await publishOnAny(others, (other) => engine.publish(entry.id, spec, { network: other }))))
      waiting.push(spec);
  }
  table.commit(entry, { waitingPorts: [...(entry.record.waitingPorts ?? []), ...waiting] });
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

function specOf({ protocol, port, hostPort, hostAddress }: PortBinding): PortBindingSpec {
  return { protocol, port, hostPort, ...(hostAddress === undefined ? {} : { hostAddress }) };
}
