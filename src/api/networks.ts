/**
 * @module /networks: list, inspect, create, remove, connect, disconnect, prune (Engine API, tag Network).
 */

import type { FastifyInstance } from 'fastify';
import { PontoonError } from '../errors.ts';
import type { Engine } from '../network/engine.ts';
import type { Endpoint, Network } from '../network/types.ts';
import type { ApiDependencies } from './app.ts';
import { parseLink } from './container-create.ts';
import { endpointSpec } from './endpoint-spec.ts';
import { badRequest, HttpError } from './errors.ts';
import { type Filters, parseFilters } from './filters.ts';
import { connect, disconnect, disconnectStopped, findMember } from './members.ts';
import { networkSpec } from './network-spec.ts';
import { parseBody, textOf } from './parse.ts';
import { CONNECT_BODY, DISCONNECT_BODY, NETWORK_CREATE_BODY } from './schemas/network.ts';
import { driverWord, viewNetwork, viewUsage } from './views/network.ts';

interface ById {
  readonly Params: { readonly id: string };
  readonly Querystring: Record<string, unknown>;
}

const PREDEFINED = ['bridge', 'host', 'none', 'default'];
/** The first version that shows how full a network is. */
const NETWORK_STATUS_MINOR = 52;
const LIST_FILTERS = ['dangling', 'driver', 'id', 'label', 'name', 'scope', 'type'];

export function addNetworkRoutes(app: FastifyInstance, dependencies: ApiDependencies): void {
  const { engine, events, defaults } = dependencies;

  app.get<ById>('/networks', ({ query }) => {
    const filters = parseFilters(query.filters).allow(...LIST_FILTERS);
    return engine
      .listNetworks()
      .filter((network) => matches(engine, filters, network))
      .map((network) => viewNetwork(network));
  });

  app.get<ById>('/networks/:id', ({ params, query, apiMinor }) => {
    const network = findNetwork(engine, params.id);
    const scope = textOf(query.scope);
    if (scope !== undefined && scope !== '' && scope !== 'local') throw noSuchNetwork(params.id);
    return {
      ...viewNetwork(network, members(engine, network)),
      ...(apiMinor >= NETWORK_STATUS_MINOR && { Status: viewUsage(engine.subnetUsage(network.id)) }),
    };
  });

  app.post('/networks/create', async (request, reply) => {
    const body = parseBody(NETWORK_CREATE_BODY, request);
    if (body.Name.trim() === '') throw badRequest('invalid name: a network needs one');
    if (PREDEFINED.includes(body.Name)) {
      throw new HttpError(403, `operation is not permitted on predefined ${body.Name} network`);
    }
    const { id } = await engine.createNetwork(networkSpec(body, defaults?.networkOptions));
    return reply.code(201).send({ Id: id, Warning: '' });
  });

  app.delete<ById>('/networks/:id', async ({ params }, reply) => {
    const network = findNetwork(engine, params.id);
    if (network.predefined) {
      throw new HttpError(403, `${network.name} is a pre-defined network and cannot be removed`);
    }
    await disconnectStopped(dependencies, network);
    await engine.removeNetwork(network.id);
    return reply.code(204).send();
  });

  app.post<ById>('/networks/:id/connect', async (request, reply) => {
    const { Container, EndpointConfig } = parseBody(CONNECT_BODY, request);
    const { params } = request;
    const spec = endpointSpec(EndpointConfig);
    const links = (EndpointConfig?.Links ?? []).map(parseLink);
    await connect(dependencies, findMember(dependencies, Container), findNetwork(engine, params.id), spec, links);
    return reply.code(200).send();
  });

  app.post<ById>('/networks/:id/disconnect', async (request, reply) => {
    const { Container, Force = false } = parseBody(DISCONNECT_BODY, request);
    const { params } = request;
    await disconnect(dependencies, findMember(dependencies, Container), findNetwork(engine, params.id), Force);
    return reply.code(200).send();
  });

  app.post<ById>('/networks/prune', async ({ query }) => {
    const filters = parseFilters(query.filters).allow('until', 'label', 'label!');
    const removed = await prune(engine, filters);
    events.publish({
      timeNs: BigInt(Date.now()) * 1_000_000n,
      type: 'network',
      action: 'prune',
      id: '',
      attributes: { reclaimed: '0' },
    });
    return { NetworksDeleted: removed };
  });
}

function findNetwork(engine: Engine, ref: string) {
  try {
    return engine.inspectNetwork(ref);
  } catch (error) {
    if (PontoonError.is(error, 'network-not-found')) throw noSuchNetwork(ref);
    throw error;
  }
}

function noSuchNetwork(ref: string): HttpError {
  return new HttpError(404, `network ${ref} not found`);
}

/** Those that run: a stopped one has no addresses to show. */
function members(engine: Engine, network: Network & { readonly endpoints: readonly Endpoint[] }): Endpoint[] {
  return network.endpoints.filter(({ sandboxId }) => engine.inspectSandbox(sandboxId).running);
}

function matches(engine: Engine, filters: Filters, network: Network): boolean {
  const dangling = filters.boolean('dangling');
  const isDangling = (): boolean => !network.predefined && engine.inspectNetwork(network.id).endpoints.length === 0;
  return (
    filters.exact('driver', driverWord(network)) &&
    filters.matches('id', network.id) &&
    filters.matches('name', network.name) &&
    filters.exact('scope', 'local') &&
    filters.some('type', (wanted) => isOfType(network, wanted)) &&
    filters.labels(network.labels) &&
    (dangling === undefined || dangling === isDangling())
  );
}

function isOfType({ predefined }: Network, wanted: string): boolean {
  if (wanted === 'builtin') return predefined;
  if (wanted === 'custom') return !predefined;
  throw badRequest(`invalid filter: 'type'='${wanted}'`);
}

/** Removes what nobody uses; what somebody began to use meanwhile stays. */
async function prune(engine: Engine, filters: Filters): Promise<string[]> {
  const before = filters.untilMs() ?? Number.POSITIVE_INFINITY;
  const removed: string[] = [];
  for (const network of engine.listNetworks()) {
    if (network.predefined || network.createdMs >= before || !filters.labels(network.labels)) continue;
    try {
      await engine.removeNetwork(network.id);
      removed.push(network.name);
    } catch (error) {
      if (!PontoonError.is(error, 'network-in-use', 'network-not-found')) throw error;
    }
  }
  return removed;
}
