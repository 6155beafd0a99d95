/**
 * @module What networks are made of: containers, and sandboxes that are nobody's container. Requests name both the same
 * way; a container is changed through the container layer, which knows what else belongs to it.
 */

import type { Container, LinkSpec } from '../container/types.ts';
import { PontoonError } from '../errors.ts';
import type { EndpointSpec, Network } from '../network/types.ts';
import type { ApiDependencies } from './app.ts';
import { badRequest, HttpError } from './errors.ts';

/** What a network can be connected to. */
export interface Member {
  readonly kind: 'container' | 'sandbox';
  readonly id: string;
}

/** @throws HttpError 400, 404 in Docker's words */
export function findMember({ engine, containers }: ApiDependencies, ref = ''): Member {
  if (ref === '') throw badRequest('invalid name or ID supplied: ""');
  try {
    if (containers !== undefined) return { kind: 'container', id: containers.find(ref).id };
  } catch (error) {
    if (!PontoonError.is(error, 'container-not-found')) throw error;
  }
  try {
    return { kind: 'sandbox', id: engine.inspectSandbox(ref).id };
  } catch (error) {
    if (PontoonError.is(error, 'sandbox-not-found')) throw new HttpError(404, `No such container: ${ref}`);
    throw error;
  }
}

export async function connect(
  { engine, containers }: ApiDependencies,
  { kind, id }: Member,
  network: Network,
  spec: EndpointSpec,
  links: readonly LinkSpec[] = [],
): Promise<void> {
  if (kind === 'sandbox') {
    await engine.attach(id, network.id, spec);
    return;
  }
  try {
    await containers!.connect(id, network.id, spec, links);
  } catch (error) {
    const container = containers!.find(id);
    const asksForNothing = Object.keys(spec).length + links.length === 0;
    // For dockerd, who does not run is not connected yet.
    if (PontoonError.is(error, 'already-attached') && container.sandboxPath === undefined && asksForNothing) return;
    throw inDockersWords(error, container, network);
  }
}

/** With `force`, what is not connected is as it should be. */
export async function disconnect(
  { engine, containers }: ApiDependencies,
  { kind, id }: Member,
  network: Network,
  force: boolean,
): Promise<void> {
  try {
    if (kind === 'container') await containers!.disconnect(id, network.id);
    else await engine.detach(id, network.id);
  } catch (error) {
    if (force && PontoonError.is(error, 'endpoint-not-found')) return;
    throw kind === 'container' ? inDockersWords(error, containers!.find(id), network) : error;
  }
}

/**
 * Takes the containers that do not run off a network that is to be removed: for Docker, only those that run are on it.
 * With anybody else on it, its removal is refused, and they stay.
 */
export async function disconnectStopped(dependencies: ApiDependencies, { id: networkId }: Network): Promise<void> {
  const { engine, containers } = dependencies;
  const members = engine
    .inspectNetwork(networkId)
    .endpoints.map(({ sandboxId }) => findMember(dependencies, sandboxId));
  if (members.some(({ kind, id }) => kind === 'sandbox' || engine.inspectSandbox(id).running)) return;
  for (const { id } of members) await containers!.disconnect(id, networkId, { ifStopped: true });
}

/** The engine speaks of sandboxes; who asks about a container knows of none. */
function inDockersWords(error: unknown, { id, spec }: Container, network: Network): unknown {
  if (PontoonError.is(error, 'endpoint-not-found')) {
    return new HttpError(404, `container ${id} is not connected to network ${network.name}`);
  }
  if (!PontoonError.is(error, 'mode-conflict')) return error;
  const { mode } = spec.network;
  if (mode === 'container' || mode === 'host') {
    return new HttpError(
      403,
      'container sharing network namespace with another container or host cannot be connected to any other network',
    );
  }
  return new HttpError(
    403,
    network.driver === 'host'
      ? 'container cannot be disconnected from host network or connected to host network'
      : 'container cannot be connected to multiple networks with one of the networks in private (none) mode',
  );
}
