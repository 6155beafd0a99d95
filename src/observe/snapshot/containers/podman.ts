/**
 * @module Podman's containers and networks. It has no daemon: its store says which containers there are, and only then
 * `podman container inspect` says more; where the program is not here or fails, what lies on disk must do.
 */

import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { sparse } from '../sparse.ts';
import type { ContainerNetwork, Note } from '../types.ts';
import { fields, list, text, texts } from './fields.ts';
import { describeContainer } from './inspection.ts';
import type { EngineState, FoundContainer } from './read.ts';

export interface PodmanSource {
  /** The store: 'overlay-containers' in it, or the like for another driver, lists the containers. */
  readonly store: string;
  /** What a reboot takes: process IDs. */
  readonly runStore: string;
  /** A file for each network. */
  readonly networks: string;
}

/** The one network that needs no file. @see podman-network(1) */
const DEFAULT_NETWORK = {
  name: 'podman',
  driver: 'bridge',
  network_interface: 'podman0',
  subnets: [{ subnet: '10.88.0.0/16', gateway: '10.88.0.1' }],
};
const PATIENCE_MS = 10_000;
const ANSWER_MAX_BYTES = 64 * 1024 * 1024;

export async function readPodman(source: PodmanSource): Promise<EngineState> {
  const kept = storedContainers(source.store);
  if (kept.length === 0) return { containers: [], networks: [], notes: [] };
  const notes: Note[] = [];
  const containers = await inspect(kept, source, notes);
  return { containers, networks: readNetworks(source.networks), notes };
}

interface Kept {
  readonly id: string;
  readonly name: string;
  /** The directory of the driver: 'overlay-containers'. */
  readonly kind: string;
}

function storedContainers(store: string): Kept[] {
  return entries(store)
    .filter((kind) => kind.endsWith('-containers'))
    .flatMap((kind) =>
      list(readJson(join(store, kind, 'containers.json'))).flatMap((one) => {
        const id = text(fields(one).id);
        return id === undefined ? [] : [{ id, name: text(list(fields(one).names)[0]) ?? id.slice(0, 12), kind }];
      }),
    );
}

async function inspect(kept: readonly Kept[], source: PodmanSource, notes: Note[]): Promise<FoundContainer[]> {
  try {
    const ids = kept.map(({ id }) => id);
    const { stdout } = await promisify(execFile)('podman', ['container', 'inspect', ...ids], {
      timeout: PATIENCE_MS,
      maxBuffer: ANSWER_MAX_BYTES,
    });
    return list(JSON.parse(stdout)).map((one) => describeContainer('podman', one));
  } catch (error) {
    const [line = ''] = (error as Error).message.split('\n').slice(-1);
    const message = `podman container inspect: ${line}: the ports and networks of Podman's containers are not known`;
    notes.push({ kind: 'unreadable', what: 'containers', message });
    return kept.map((container) => readFromDisk(container, source));
  }
}

function readFromDisk({ id, name, kind }: Kept, { store, runStore }: PodmanSource): FoundContainer {
  const config = fields(readJson(join(store, kind, id, 'userdata/config.json')));
  const pid = Number(readText(join(runStore, kind, id, 'userdata/pidfile')) ?? 0) || undefined;
  const pinned = list(fields(config.linux).namespaces)
    .map(fields)
    .find(({ type }) => type === 'network');
  return sparse<FoundContainer>({
    engine: 'podman',
    id,
    name,
    state: pid === undefined ? 'exited' : 'running',
    pid,
    path: pid === undefined ? undefined : (text(pinned?.path) ?? `/proc/${pid}/ns/net`),
    hostname: text(config.hostname),
    image: undefined,
    labels: {},
    networkMode: undefined,
    networks: [],
    ports: [],
    resolver: undefined,
  });
}

/** The files of netavark; those of CNI are not read. @see containers-network(5) */
function readNetworks(directory: string): ContainerNetwork[] {
  const files = entries(directory).filter((name) => name.endsWith('.json'));
  const networks = files.map((name) => fields(readJson(join(directory, name))));
  return [...networks, ...(networks.some(({ name }) => name === 'podman') ? [] : [DEFAULT_NETWORK])].map((network) => {
    const one = fields(network);
    return sparse<ContainerNetwork>({
      engine: 'podman',
      id: text(one.id) ?? text(one.name) ?? '',
      name: text(one.name) ?? '',
      driver: text(one.driver) ?? '',
      subnets: list(one.subnets).flatMap((subnet) => {
        const { subnet: prefix, gateway } = fields(subnet);
        return typeof prefix === 'string'
          ? [{ subnet: prefix, ...(typeof gateway === 'string' ? { gateway } : {}) }]
          : [];
      }),
      bridge: text(one.network_interface),
      internal: one.internal === true,
      interContainer: undefined,
      masquerade: undefined,
      options: texts(one.options),
    });
  });
}

function entries(directory: string): string[] {
  return orAbsent(() => readdirSync(directory)) ?? [];
}

function readText(path: string): string | undefined {
  return orAbsent(() => readFileSync(path, 'utf8'));
}

/** Undefined also for a file that is being written. */
function readJson(path: string): unknown {
  const content = readText(path);
  try {
    return content === undefined ? undefined : JSON.parse(content);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function orAbsent<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? ''))
      return undefined;
    throw error;
  }
}
