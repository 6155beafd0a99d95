/**
 * @module What the container engines of the host say about their containers and networks: names, ports and aliases that
 * the kernel does not know. An engine that is not there costs a look at its files.
 */

import type { Container, ContainerNetwork, Note } from '../types.ts';
import { type DockerSource, readDocker } from './docker.ts';
import { type PodmanSource, readPodman } from './podman.ts';

/** Where engines answer or keep their state. Defaults are the engines' own; false: it is not asked. */
export interface ContainerSources {
  readonly pontoon?: DockerSource | false;
  readonly docker?: DockerSource | false;
  readonly podman?: PodmanSource | false;
}

const PONTOON: DockerSource = { socket: '/run/pontoon.sock', pidFile: '/run/pontoon.pid' };
const DOCKER: DockerSource = {
  socket: '/run/docker.sock',
  pidFile: '/run/docker.pid',
  directory: '/var/lib/docker/containers',
};
const PODMAN: PodmanSource = {
  store: '/var/lib/containers/storage',
  runStore: '/run/containers/storage',
  networks: '/etc/containers/networks',
};

/** A container, with a path that leads to its network namespace while it runs. */
export type FoundContainer = Omit<Container, 'namespace'> & { readonly path?: string };

export interface EngineState {
  readonly containers: readonly FoundContainer[];
  readonly networks: readonly ContainerNetwork[];
  readonly notes: readonly Note[];
}

export async function readContainers(sources: ContainerSources = {}): Promise<EngineState> {
  const { pontoon = PONTOON, docker = DOCKER, podman = PODMAN } = sources;
  const states = await Promise.all([
    pontoon === false ? NOBODY : readDocker('pontoon', pontoon),
    docker === false ? NOBODY : readDocker('docker', docker),
    podman === false ? NOBODY : readPodman(podman),
  ]);
  return {
    containers: states.flatMap(({ containers }) => containers),
    networks: states.flatMap(({ networks }) => networks),
    notes: states.flatMap(({ notes }) => notes),
  };
}

const NOBODY: EngineState = { containers: [], networks: [], notes: [] };
