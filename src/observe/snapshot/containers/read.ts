/**
 * @module What the container engines of the host say about their containers and networks.
 */

import type { Container, ContainerNetwork, Note } from '../types.ts';

/** Where engines answer or keep their state. */
export interface ContainerSources {
  readonly dockerSocket?: string;
}

/** A container, with a path that leads to its network namespace while it runs. */
export type FoundContainer = Omit<Container, 'namespace'> & { readonly path?: string };

export interface EngineState {
  readonly containers: readonly FoundContainer[];
  readonly networks: readonly ContainerNetwork[];
  readonly notes: readonly Note[];
}

export async function readContainers(_sources: ContainerSources): Promise<EngineState> {
  return { containers: [], networks: [], notes: [] };
}
