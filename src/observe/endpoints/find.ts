/**
 * @module Which network stack of a snapshot an endpoint means.
 */

import { PontoonError } from '../../errors.ts';
import type { Container, ContainerEngine, Namespace, Snapshot } from '../snapshot/types.ts';
import type { EndpointSpec } from './question.ts';

/** Names that are shown of those that could have been meant. */
const NAMES_SHOWN = 8;
/** As many digits of an ID as docker needs to take it for one. */
const ID_MIN_LENGTH = 4;

export interface Found {
  readonly namespace: Namespace;
  readonly container?: Container;
}

/** The host's own namespace. @throws PontoonError namespace-not-found where the snapshot has none */
export function hostOf(snapshot: Snapshot): Namespace {
  const host = snapshot.namespaces.find(({ owner }) => owner === 'host');
  if (host === undefined) throw notFound('host', 'the snapshot has no namespace of the host itself');
  return host;
}

/**
 * Who is meant by a word, a container, a namespace or a process; undefined for a bare word that is nobody's name.
 * @throws PontoonError namespace-not-found, with names that there are; bad-value where the name is ambiguous
 */
export function findStack(snapshot: Snapshot, spec: EndpointSpec): Found | undefined {
  switch (spec.kind) {
    case 'word':
      return findContainer(snapshot, 'pontoon', spec.name) ?? findNamed(snapshot, spec.name);
    case 'container': {
      const found = findContainer(snapshot, spec.engine, spec.name);
      if (found !== undefined) return found;
      throw notFound(
        spec.text,
        `${spec.engine} has no container '${spec.name}'${known(containerNames(snapshot, spec.engine))}`,
      );
    }
    case 'namespace': {
      const found = findNamed(snapshot, spec.name);
      if (found !== undefined) return found;
      const names = snapshot.namespaces.flatMap(({ names: all }) =>
        all.filter(({ owner }) => owner === 'netns').map(({ name }) => name),
      );
      throw notFound(spec.text, `no network namespace is called '${spec.name}'${known(names)}`);
    }
    case 'path':
      return { namespace: byPath(snapshot, spec.path) };
    case 'process': {
      const namespace = byProcess(snapshot, spec.pid);
      if (namespace !== undefined) return { namespace };
      throw notFound(spec.text, `no process ${spec.pid} is in the snapshot: give the number of one that runs`);
    }
    case 'host':
      return { namespace: hostOf(snapshot) };
    default:
      return undefined;
  }
}

/** A container by name, ID or the beginning of its ID. @throws PontoonError as above; also when it does not run */
export function findContainer(snapshot: Snapshot, engine: ContainerEngine, name: string): Found | undefined {
  const candidates = snapshot.containers.filter((container) => container.engine === engine);
  const exact = candidates.find((container) => container.name === name || container.id === name);
  const byId =
    /^[0-9a-f]+$/.test(name) && name.length >= ID_MIN_LENGTH ? candidates.filter(({ id }) => id.startsWith(name)) : [];
  if (exact === undefined && byId.length > 1) {
    throw new PontoonError('bad-value', `'${name}' begins the IDs of ${byId.length} containers: write more of it`, {
      subject: name,
    });
  }
  const container = exact ?? byId[0];
  if (container === undefined) return undefined;
  const namespace = snapshot.namespaces.find(({ id }) => id === container.namespace);
  if (namespace !== undefined) return { namespace, container };
  const why =
    container.namespace === undefined
      ? `it is ${container.state}: start it first`
      : 'its namespace is not in the snapshot';
  throw notFound(name, `the container ${container.name} has no network stack now: ${why}`);
}

/** A namespace by one of its names that is no container's. */
function findNamed(snapshot: Snapshot, name: string): Found | undefined {
  const namespace = snapshot.namespaces.find(({ names }) =>
    names.some(
      (one) => one.name === name && (one.owner === 'netns' || one.owner === 'pontoon' || one.owner === 'process'),
    ),
  );
  return namespace && { namespace };
}

function byPath(snapshot: Snapshot, path: string): Namespace {
  const pid = /^\/proc\/(\d+)\/ns\/net$/.exec(path)?.[1];
  // /var/run is a link to /run.
  const plain = path.replace(/^\/var\/run\//, '/run/');
  const found =
    pid === undefined
      ? snapshot.namespaces.find(({ paths }) => paths.some((one) => one.replace(/^\/var\/run\//, '/run/') === plain))
      : byProcess(snapshot, Number(pid));
  if (found === undefined) throw notFound(path, `no network namespace is pinned at ${path}`);
  return found;
}

/** Only the first processes of a namespace are in a snapshot, and those of containers. */
function byProcess(snapshot: Snapshot, pid: number): Namespace | undefined {
  const container = snapshot.containers.find((one) => one.pid === pid);
  return snapshot.namespaces.find(
    ({ id, processes }) => id === container?.namespace || processes.some((process) => process.pid === pid),
  );
}

function containerNames(snapshot: Snapshot, engine: ContainerEngine): string[] {
  return snapshot.containers.filter((one) => one.engine === engine).map(({ name }) => name);
}

function known(names: readonly string[]): string {
  if (names.length === 0) return ': it has none';
  const more = names.length > NAMES_SHOWN ? ', …' : '';
  return `: there are ${names.slice(0, NAMES_SHOWN).join(', ')}${more}`;
}

function notFound(subject: string, message: string): PontoonError {
  return new PontoonError('namespace-not-found', message, { subject });
}
