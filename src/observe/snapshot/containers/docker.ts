/**
 * @module Docker's containers and networks: from its files where they can be read, else over its socket. Pontoon's daemon
 * answers the same questions.
 *
 * The socket is only asked while the daemon runs: with socket activation, to ask would start it.
 */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerEngine, ContainerNetwork, Note } from '../types.ts';
import { fields, list, text } from './fields.ts';
import { EngineSocket } from './http.ts';
import { describeContainer, describeNetwork } from './inspection.ts';
import type { EngineState, FoundContainer } from './read.ts';

export interface DockerSource {
  readonly socket: string;
  readonly pidFile: string;
  /** Where the daemon keeps containers on disk: 'containers' below its data root. */
  readonly directory?: string;
}

export async function readDocker(engine: ContainerEngine, source: DockerSource): Promise<EngineState> {
  const notes: Note[] = [];
  const onDisk = source.directory === undefined ? undefined : readDirectory(engine, source.directory, notes);
  if (!isRunning(source.pidFile)) {
    const containers = onDisk ?? [];
    return { containers, networks: networksOf(engine, containers), notes };
  }
  try {
    using socket = new EngineSocket(source.socket);
    const networks = list(await socket.get('/networks')).map((network) => describeNetwork(engine, network));
    return { containers: onDisk ?? (await inspectAll(engine, socket)), networks, notes };
  } catch (error) {
    const message = `${engine} does not answer at ${source.socket}: ${(error as Error).message}`;
    notes.push({ kind: 'unreadable', what: 'containers', message });
    const containers = onDisk ?? [];
    return { containers, networks: networksOf(engine, containers), notes };
  }
}

async function inspectAll(engine: ContainerEngine, socket: EngineSocket): Promise<FoundContainer[]> {
  const ids = list(await socket.get('/containers/json?all=1')).flatMap((one) => text(fields(one).Id) ?? []);
  return Promise.all(ids.map(async (id) => describeContainer(engine, await socket.get(`/containers/${id}/json`))));
}

/** Undefined where there is no such directory, or it is not ours to read. */
function readDirectory(engine: ContainerEngine, directory: string, notes: Note[]): FoundContainer[] | undefined {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch (error) {
    if (['ENOENT', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
  return names.flatMap((name) => {
    const config = readJson(join(directory, name, 'config.v2.json'), notes);
    if (config === undefined) return []; // it is being made or removed
    const hostConfig = readJson(join(directory, name, 'hostconfig.json'), notes);
    return [describeContainer(engine, { ...fields(config), HostConfig: hostConfig })];
  });
}

function readJson(path: string, notes: Note[]): unknown {
  let content: string;
  try {
    content = readFileSync(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
  try {
    return JSON.parse(content);
  } catch (error) {
    notes.push({ kind: 'unreadable', what: 'containers', message: `${path}: ${(error as Error).message}` });
    return undefined;
  }
}

/** Without the daemon, networks are known by those who are in them. */
function networksOf(engine: ContainerEngine, containers: readonly FoundContainer[]): ContainerNetwork[] {
  const networks = new Map<string, ContainerNetwork>();
  for (const { network: name, networkId: id } of containers.flatMap((container) => container.networks)) {
    if (id === undefined || name === 'host' || name === 'none') continue;
    const bridge = name === 'bridge' ? 'docker0' : `br-${id.slice(0, 12)}`;
    networks.set(id, { engine, id, name, driver: 'unknown', subnets: [], bridge, options: {} });
  }
  return [...networks.values()];
}

function isRunning(pidFile: string): boolean {
  try {
    return existsSync(`/proc/${Number(readFileSync(pidFile, 'utf8'))}/ns`);
  } catch (error) {
    if (['ENOENT', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}
