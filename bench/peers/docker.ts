/**
 * @module Docker as a peer: what its daemon takes for the same work, in the words of the engine's own measurements.
 */

import type { AttachTimes } from '../floor/floor.ts';
import { processes } from '../lib/processes.ts';
import { timeMs } from '../lib/stats.ts';
import type { Container, Dockerd } from './dockerd.ts';

/**
 * `network connect` and `disconnect` of a running container whose one published port comes and goes with its only network.
 * (Docker makes the namespace when the container starts: that is outside the clock, in its favour.)
 */
export async function attachTimes(daemon: Dockerd, count: number): Promise<AttachTimes> {
  const network = await daemon.createNetwork('attach');
  const container = await daemon.runContainer({ name: 'attach', network: 'attach', hostPorts: [20000] });
  const body = { Container: container.id };
  const attachMs: number[] = [];
  const detachMs: number[] = [];
  for (let number = 0; number < count; number++) {
    detachMs.push(await timeMs(() => daemon.call('POST', `/networks/${network}/disconnect`, body)));
    attachMs.push(await timeMs(() => daemon.call('POST', `/networks/${network}/connect`, body)));
  }
  await daemon.remove(container.id);
  await daemon.removeNetwork(network);
  return { attachMs, detachMs };
}

export interface NetworkTimes {
  readonly createMs: readonly number[];
  readonly removeMs: readonly number[];
}

/** Creates and removes a network `count` times, beside `others` that are there already. */
export async function networkTimes(daemon: Dockerd, count: number, others = 0): Promise<NetworkTimes> {
  const there: string[] = [];
  for (let number = 0; number < others; number++) there.push(await daemon.createNetwork(`other${number}`));
  const createMs: number[] = [];
  const removeMs: number[] = [];
  for (let number = 0; number < count; number++) {
    let id = '';
    createMs.push(
      await timeMs(async () => {
        id = await daemon.createNetwork('timed');
      }),
    );
    removeMs.push(await timeMs(() => daemon.removeNetwork(id)));
  }
  for (const id of there) await daemon.removeNetwork(id);
  return { createMs, removeMs };
}

export interface PublishCost {
  readonly publishMs: number;
  readonly unpublishMs: number;
  readonly processes: number;
  readonly memoryMB: number;
}

/** A container with `count` published ports: start and removal, and what the ports take meanwhile. */
export async function publishCost(daemon: Dockerd, count: number): Promise<PublishCost> {
  const hostPorts = Array.from({ length: count }, (_, index) => 30_000 + index);
  const id = await daemon.createContainer({ name: 'publish', hostPorts });
  const publishMs = await timeMs(() => daemon.start(id));
  const proxies = processes().filter(({ name }) => name === 'docker-proxy');
  const unpublishMs = await timeMs(() => daemon.remove(id));
  const memoryMB = proxies.reduce((sum, { residentBytes }) => sum + residentBytes, 0) / 1e6;
  return { publishMs, unpublishMs, processes: proxies.length, memoryMB };
}

/** Two containers on one network, by default on docker0. */
export async function pair(daemon: Dockerd, name: string, network?: string): Promise<[Container, Container]> {
  const start = (suffix: string): Promise<Container> =>
    daemon.runContainer({ name: `${name}-${suffix}`, ...(network === undefined ? {} : { network }) });
  return [await start('server'), await start('client')];
}
