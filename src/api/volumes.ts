/**
 * @module /volumes: list, inspect, create, remove, prune (Engine API, tag Volume). There is one driver: local.
 */

import type { Containers } from '../container/containers.ts';
import type { Volume } from '../container/types.ts';
import type { VolumeUsers } from '../container/volumes.ts';
import { PontoonError } from '../errors.ts';
import type { Area } from './app.ts';
import { HttpError, notImplemented } from './errors.ts';
import { type Filters, parseFilters } from './filters.ts';
import { booleanOf, parseBody } from './parse.ts';
import { VOLUME_CREATE_BODY } from './schemas/volume.ts';
import { labelsOf, viewVolume } from './views/volume.ts';

interface ByName {
  readonly Params: { readonly name: string };
  readonly Querystring: Record<string, unknown>;
}

const LIST_FILTERS = ['dangling', 'driver', 'label', 'name'];
/** The first version whose prune takes volumes with a name only when it is told so. */
const ANONYMOUS_ONLY_MINOR = 42;

export const addVolumeRoutes: Area = (app, { volumes, containers }) => {
  if (volumes === undefined || containers === undefined) return;
  const usersOf = volumeUsers(containers);

  app.get<ByName>('/volumes', ({ query }) => {
    const filters = parseFilters(query.filters).allow(...LIST_FILTERS);
    const fitting = volumes.list().filter((volume) => matches(filters, volume, usersOf));
    return { Volumes: fitting.map((volume) => viewVolume(volume)), Warnings: [] };
  });

  app.get<ByName>('/volumes/:name', ({ params }) => viewVolume(volumes.find(params.name)));

  app.post('/volumes/create', async (request, reply) => {
    const body = parseBody(VOLUME_CREATE_BODY, request);
    const { Name = '', Driver = '', DriverOpts, Labels } = body;
    if (!['', 'local'].includes(Driver)) {
      throw new HttpError(
        404,
        `create ${Name}: error looking up volume plugin ${Driver}: plugin "${Driver}" not found`,
      );
    }
    if (body.ClusterVolumeSpec !== undefined) throw notImplemented('Pontoon has no swarm, and thus no cluster volumes');
    const volume = await volumes.create({
      ...(Name && { name: Name }),
      ...(DriverOpts && { options: DriverOpts }),
      ...(Labels && { labels: Labels }),
    });
    return reply.code(201).send(viewVolume(volume));
  });

  app.delete<ByName>('/volumes/:name', async ({ params, query }, reply) => {
    try {
      await volumes.remove(params.name, { inUse: usersOf });
    } catch (error) {
      if (!booleanOf(query.force) || !PontoonError.is(error, 'volume-not-found')) throw error;
    }
    return reply.code(204).send();
  });

  app.post<ByName>('/volumes/prune', async ({ query, apiMinor }) => {
    const filters = parseFilters(query.filters).allow('label', 'label!', 'all');
    const { removed, reclaimedBytes } = await volumes.prune({
      inUse: usersOf,
      all: apiMinor < ANONYMOUS_ONLY_MINOR || filters.boolean('all') === true,
      matches: (volume) => filters.labels(labelsOf(volume)),
    });
    return { VolumesDeleted: removed, SpaceReclaimed: reclaimedBytes };
  });
};

/** Who has a volume, running or not. */
export function volumeUsers(containers: Containers): VolumeUsers {
  return (name) =>
    containers
      .list()
      .filter(({ mounts }) => mounts.some((mount) => mount.type === 'volume' && mount.name === name))
      .map(({ id }) => id);
}

function matches(filters: Filters, volume: Volume, usersOf: VolumeUsers): boolean {
  const dangling = filters.boolean('dangling');
  return (
    filters.matches('name', volume.name) &&
    filters.exact('driver', 'local') &&
    filters.labels(labelsOf(volume)) &&
    (dangling === undefined || dangling === (usersOf(volume.name).length === 0))
  );
}
