/**
 * @module What the kill tests of containers share: the lab, and the proof that all is well.
 */

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { KILL_ROOTS } from './container-kill-operations.ts';
import { assertNothingLeft, type ContainerLab, openContainerLab, readAll } from './container-lab.ts';

export function openContainerKillLab(): Promise<ContainerLab> {
  return openContainerLab(KILL_ROOTS);
}

/** undefined: no container has this name. */
export function statusOf({ containers }: ContainerLab, name: string): string | undefined {
  return containers.list().find((container) => container.name === name)?.state.status;
}

/** An opening may find a container whose process ends at once, or start it: it goes when that has ended. */
export async function shortLivedAreGone({ containers }: ContainerLab): Promise<void> {
  const shortLived = containers.list().filter(({ path, state }) => path === 'true' && state.status !== 'created');
  await Promise.all(shortLived.map(({ id }) => containers.wait(id, { condition: 'removed' })));
}

/**
 * All that there are have what they should have, and can be started and spoken to. A stop signal that the dead one has
 * sent may end a container only now: so what is not yet right is looked at again.
 */
export async function assertAllWell(lab: ContainerLab, context: string): Promise<void> {
  const { engine, failures, containers } = lab;
  await engine.settled();
  assert.deepEqual(failures, [], context);
  await eventually(() => assertNothingLeft(lab, context));
  for (const { id, path } of containers.list()) {
    if (path === 'true') continue; // it has nothing to stay for
    await eventually(async () => assert.equal(await speak(lab, id), `${id.slice(0, 12)}\n`, context));
  }
}

async function speak({ containers }: ContainerLab, id: string): Promise<string> {
  if (containers.find(id).state.status !== 'running') await containers.start(id);
  const exec = await containers.createExec(id, { command: ['hostname'], stdout: true });
  const streams = await containers.startExec(exec.id);
  return readAll(streams!.stdout);
}

/** @throws what the assertion throws for so long */
async function eventually(assertion: () => void | Promise<void>, limitMs = 10_000): Promise<void> {
  for (const end = performance.now() + limitMs; ; await sleep(50)) {
    try {
      return await assertion();
    } catch (error) {
      if (performance.now() > end) throw error;
    }
  }
}

export async function removeAll(lab: ContainerLab, context: string): Promise<void> {
  for (const { id } of lab.containers.list()) await lab.containers.remove(id, { force: true, volumes: true });
  assertNothingLeft(lab, context);
  assert.deepEqual(lab.volumes.list(), [], context);
}
