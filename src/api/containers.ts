/**
 * @module Containers: made, listed, shown, started, stopped, changed and removed. What streams is in streams.ts,
 * stats.ts and archives.ts.
 */

import type { FastifyInstance } from 'fastify';
import type { Containers } from '../container/containers.ts';
import type { Images } from '../container/images/index.ts';
import { PontoonError } from '../errors.ts';
import type { Engine } from '../network/engine.ts';
import type { Area } from './app.ts';
import { containerSpec, warningsAbout } from './container-create.ts';
import { CONTAINER_FILTERS, selectContainers } from './container-filters.ts';
import { withDefaults } from './defaults.ts';
import { badRequest, HttpError, notImplemented } from './errors.ts';
import { parseFilters } from './filters.ts';
import { given } from './given.ts';
import { booleanOf, integerOf, parseBody, textOf } from './parse.ts';
import { requirePlatform } from './platform.ts';
import { resourceChange, restartPolicy } from './resources.ts';
import { CREATE_BODY, UPDATE_BODY } from './schemas/container.ts';
import { containerInspect, containerSummary } from './views/container.ts';

export interface ById {
  Params: { id: string };
  Querystring: Record<string, unknown>;
}

interface LinkOf {
  Params: { id: string; alias: string };
  Querystring: Record<string, unknown>;
}

/** The first version whose start has no body. */
const NO_START_BODY_MINOR = 24;

const CHANGE_KINDS = { modified: 0, added: 1, deleted: 2 } as const;

export const addContainerRoutes: Area = (app, { engine, containers, images, defaults }) => {
  if (containers === undefined || images === undefined) return;

  app.get<{ Querystring: Record<string, unknown> }>('/containers/json', async ({ query, apiMinor }) => {
    const filters = parseFilters(query.filters).allow(...CONTAINER_FILTERS);
    const all = booleanOf(query.all);
    const selected = selectContainers(containers.list(), filters, {
      all,
      limit: integerOf('limit', query.limit),
      images,
    });
    const options = { minor: apiMinor, nowMs: Date.now(), imageIdOf: imageIds(images) };
    if (!booleanOf(query.size)) return selected.map((container) => containerSummary(container, options));
    return Promise.all(
      selected.map(async (container) =>
        containerSummary(container, { ...options, sizes: await containers.sizes(container) }),
      ),
    );
  });

  app.get<ById>('/containers/:id/json', async ({ params, query, apiMinor }) => {
    const container = containers.find(params.id);
    const sizes = booleanOf(query.size) ? await containers.sizes(container) : undefined;
    return containerInspect(container, apiMinor, { sizes, execIds: containers.execIds(container.id) });
  });

  app.post<{ Querystring: Record<string, unknown> }>('/containers/create', async (request, reply) => {
    const name = textOf(request.query.name);
    const options = {
      name,
      minor: request.apiMinor,
      publishes: (network: string) => publishes(engine, network),
      ...given({ logDriver: defaults?.containers.logDriver }),
    };
    const { spec, warnings } = containerSpec(parseBody(CREATE_BODY, request), options);
    requirePlatform(images.find(spec.image), spec.image, textOf(request.query.platform));
    try {
      const { id } = await containers.create(withDefaults(spec, defaults?.containers));
      return reply.code(201).send({ Id: id, Warnings: warnings });
    } catch (error) {
      throw withoutOtherNotFound(error);
    }
  });

  app.post<{ Querystring: Record<string, unknown> }>('/containers/prune', async ({ query }) => {
    const filters = parseFilters(query.filters).allow('until', 'label', 'label!');
    const { removed, freedBytes } = await containers.prune({
      labels: filters.values('label'),
      withoutLabels: filters.values('label!'),
      ...given({ untilMs: filters.untilMs() }),
    });
    return { ContainersDeleted: removed, SpaceReclaimed: freedBytes };
  });

  const refuseLink = (query: Record<string, unknown>): void => {
    if (!booleanOf(query.link)) return;
    throw notImplemented('Pontoon does not remove links: remove the container, or create it again without them');
  };
  app.delete<ById>('/containers/:id', async ({ params, query }, reply) => {
    refuseLink(query);
    await containers.remove(params.id, { force: booleanOf(query.force), volumes: booleanOf(query.v) });
    return reply.code(204).send();
  });

  // `docker rm --link web/db`
  app.delete<LinkOf>('/containers/:id/:alias', async ({ params: { id, alias }, query }) => {
    refuseLink(query);
    throw new HttpError(404, `No such container: ${id}/${alias}`);
  });

  app.post<ById>('/containers/:id/update', async (request) => {
    const body = parseBody(UPDATE_BODY, request);
    await containers.update(request.params.id, {
      resources: resourceChange(body),
      ...given({ restart: body.RestartPolicy?.Name ? restartPolicy(body.RestartPolicy) : undefined }),
    });
    return { Warnings: warningsAbout(body) };
  });

  app.post<ById>('/containers/:id/rename', async ({ params, query }, reply) => {
    const name = textOf(query.name)?.replace(/^\//, '');
    if (name === undefined || name === '') throw badRequest('Neither old nor new names may be empty');
    if (name === containers.find(params.id).name) {
      throw badRequest('Renaming a container with the same name as its current name');
    }
    await containers.rename(params.id, name);
    return reply.code(204).send();
  });

  app.get<ById>('/containers/:id/changes', async ({ params }) => {
    const changes = await containers.changes(params.id);
    return changes.map(({ path, kind }) => ({ Path: path, Kind: CHANGE_KINDS[kind] }));
  });

  app.get<ById>('/containers/:id/top', async ({ params, query }) => {
    const { titles, processes } = await containers.top(params.id, textOf(query.ps_args) ?? '-ef');
    return { Titles: titles, Processes: processes };
  });

  addLifecycleRoutes(app, containers);
};

function addLifecycleRoutes(app: FastifyInstance, containers: Containers): void {
  app.post<ById>('/containers/:id/start', async ({ params, body, apiMinor }, reply) => {
    if (apiMinor >= NO_START_BODY_MINOR && typeof body === 'object' && Object.keys(body ?? {}).length > 0) {
      throw badRequest(
        'starting container with non-empty request body was deprecated since API v1.22 and removed in v1.24',
      );
    }
    return reply.code((await containers.start(params.id)) ? 204 : 304).send();
  });

  app.post<ById>('/containers/:id/stop', async ({ params, query }, reply) =>
    reply.code((await containers.stop(params.id, stopOptions(query))) ? 204 : 304).send(),
  );

  app.post<ById>('/containers/:id/restart', async ({ params, query }, reply) => {
    await containers.restart(params.id, stopOptions(query));
    return reply.code(204).send();
  });

  app.post<ById>('/containers/:id/kill', async ({ params, query }, reply) => {
    await containers.kill(params.id, textOf(query.signal) || undefined);
    return reply.code(204).send();
  });

  app.post<ById>('/containers/:id/pause', async ({ params }, reply) => {
    await containers.pause(params.id);
    return reply.code(204).send();
  });

  app.post<ById>('/containers/:id/unpause', async ({ params }, reply) => {
    await containers.unpause(params.id);
    return reply.code(204).send();
  });
}

function stopOptions(query: Record<string, unknown>) {
  return given({ timeoutSeconds: integerOf('t', query.t), signal: textOf(query.signal) || undefined });
}

/** One that is not there is the container layer's to refuse. */
function publishes(engine: Engine, network: string): boolean {
  const known = engine.listNetworks().find(({ id, name }) => name === network || id.startsWith(network));
  return known === undefined || (known.driver === 'bridge' && !known.internal);
}

/** A client takes a 404 for a missing image, and begins to pull it. */
function withoutOtherNotFound(error: unknown): unknown {
  if (!PontoonError.is(error) || error.kind !== 'not-found' || error.code === 'image-not-found') return error;
  return new HttpError(400, error.message);
}

/** Which image a name stands for now, looked up once for all the containers of a list. */
function imageIds(images: Pick<Images, 'identify'>): (name: string) => string | undefined {
  const known = new Map<string, string | undefined>();
  return (name) => {
    if (!known.has(name)) known.set(name, images.identify(name));
    return known.get(name);
  };
}
