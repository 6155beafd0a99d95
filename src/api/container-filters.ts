/** @module Which containers a list shows (Engine API, ContainerList). Pure. */

import type { Container, ContainerStatus, Image } from '../container/types.ts';
import { badRequest } from './errors.ts';
import type { Filters } from './filters.ts';
import { exposedPorts } from './port-bindings.ts';

export const CONTAINER_FILTERS = [
  'ancestor',
  'before',
  'exited',
  'expose',
  'health',
  'id',
  'is-task',
  'isolation',
  'label',
  'label!',
  'name',
  'network',
  'publish',
  'since',
  'status',
  'volume',
] as const;

const STATUSES: readonly string[] = [
  'created',
  'running',
  'paused',
  'restarting',
  'removing',
  'exited',
  'dead',
] satisfies ContainerStatus[];
const HEALTH = ['starting', 'healthy', 'unhealthy', 'none'];
const ACTIVE: readonly ContainerStatus[] = ['running', 'paused', 'restarting'];

export interface Selection {
  /** Not only those that run. */
  readonly all: boolean;
  /** The newest so many, whatever they do. */
  readonly limit: number | undefined;
  readonly images: { list(): readonly Image[] };
}

/** The newest first. @throws HttpError 400 for values that mean nothing */
export function selectContainers(
  containers: readonly Container[],
  filters: Filters,
  selection: Selection,
): Container[] {
  check(filters);
  const { limit = 0 } = selection;
  const every = selection.all || limit > 0 || filters.has('status');
  const conditions = [
    (container: Container) => every || ACTIVE.includes(container.state.status),
    ({ id }: Container) => filters.matches('id', id),
    ({ name }: Container) => filters.matches('name', name, `/${name}`),
    ({ spec }: Container) => filters.labels(spec.labels),
    ({ state }: Container) => filters.exact('status', state.status),
    ({ state }: Container) => filters.exact('health', state.health?.status ?? 'none'),
    ({ state }: Container) => filters.boolean('is-task') !== true && hasExited(filters, state),
    hasNetwork(filters),
    hasVolume(filters),
    hasPorts(filters, 'publish'),
    hasPorts(filters, 'expose'),
    hasAncestor(filters, selection.images),
    isBetween(filters, containers),
  ];
  const selected = containers
    .filter((container) => conditions.every((holds) => holds(container)))
    .sort((a, b) => b.createdMs - a.createdMs);
  return limit > 0 ? selected.slice(0, limit) : selected;
}

function check(filters: Filters): void {
  for (const [key, known] of [
    ['status', STATUSES],
    ['health', HEALTH],
  ] as const) {
    for (const value of filters.values(key)) {
      if (!known.includes(value)) throw badRequest(`invalid filter '${key}=${value}': use ${known.join(', ')}`);
    }
  }
  for (const code of filters.values('exited')) {
    if (!/^-?\d+$/.test(code)) throw badRequest(`invalid filter 'exited=${code}': write an exit code`);
  }
}

function hasExited(filters: Filters, { status, exitCode }: Container['state']): boolean {
  return !filters.has('exited') || (status === 'exited' && filters.values('exited').includes(String(exitCode)));
}

function hasNetwork(filters: Filters) {
  return ({ endpoints }: Container): boolean =>
    filters.some('network', (wanted) =>
      endpoints.some(({ networkName, networkId }) => networkName === wanted || networkId.startsWith(wanted)),
    );
}

function hasVolume(filters: Filters) {
  return ({ mounts }: Container): boolean =>
    filters.some('volume', (wanted) =>
      mounts.some(({ name, source, target }) => [name, source, target].includes(wanted)),
    );
}

/** Ports in the container that are exposed, ports of the host that lead to it. */
function hasPorts(filters: Filters, key: 'publish' | 'expose') {
  const wanted = filters.values(key).flatMap((text) => exposedPorts([text]));
  const fits = (protocol: string, [first, last]: readonly [number, number]): boolean =>
    wanted.some((one) => one.protocol === protocol && one.port >= first && one.port <= last);
  return ({ endpoints, spec }: Container): boolean => {
    if (!filters.has(key)) return true;
    if (key === 'expose') return spec.exposedPorts.some(({ port, protocol }) => fits(protocol, [port, port]));
    return endpoints.some(({ ports }) => ports.some(({ hostPort, protocol }) => fits(protocol, hostPort)));
  };
}

/** From an image, or from one whose lowest layers are that image. */
function hasAncestor(filters: Filters, images: Selection['images']) {
  if (!filters.has('ancestor')) return () => true;
  const all = images.list();
  const ancestors = all.filter(({ id, tags, digests }) =>
    filters.some(
      'ancestor',
      (wanted) =>
        [...tags, ...digests, id].includes(wanted) ||
        tags.includes(`${wanted}:latest`) ||
        id.startsWith(wanted.startsWith('sha256:') ? wanted : `sha256:${wanted}`),
    ),
  );
  const fitting = new Set(
    all
      .filter(({ layers }) => ancestors.some((ancestor) => ancestor.layers.every((layer, at) => layers[at] === layer)))
      .map(({ id }) => id),
  );
  const known = new Set(all.map(({ id }) => id));
  return ({ imageId, spec }: Container): boolean =>
    fitting.has(imageId) || (!known.has(imageId) && filters.values('ancestor').includes(spec.image));
}

function isBetween(filters: Filters, containers: readonly Container[]) {
  const createdOf = (key: 'before' | 'since'): number[] =>
    filters.values(key).map((ref) => {
      const found = containers.find(({ id, name }) => name === ref.replace(/^\//, '') || id.startsWith(ref));
      if (found === undefined) throw badRequest(`no such container ${ref}: filter by one that is there`);
      return found.createdMs;
    });
  const before = Math.min(...createdOf('before'));
  const since = Math.max(...createdOf('since'));
  return ({ createdMs }: Container): boolean => createdMs < before && createdMs > since;
}
