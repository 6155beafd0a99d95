/** @module Everything removed, and compared with what was there before the first container. */

import { differences, type Inventory, takeInventory } from '../inventory.ts';
import type { Stage } from '../stage.ts';

export async function showRemoval(stage: Stage): Promise<void> {
  const { engine, world, before } = stage;
  const text = stage.text.removal;
  await world.killAll();
  const sandboxes = engine.listSandboxes().map(({ name }) => name);
  stage.sameAs(`docker rm -f ${sandboxes.join(' ')}`);
  for (const name of sandboxes) await engine.removeSandbox(name);
  stage.sameAs('docker network rm tomcat-net');
  await engine.removeNetwork('tomcat-net');
  const after = await takeInventory(world, engine);
  await stage.show('host', 'ip -brief link show');
  for (const [kind, name] of Object.entries(text.kinds) as [keyof Inventory, string][]) {
    const changed = differences(before[kind], after[kind]);
    if (changed.length > 0) stage.output(changed);
    stage.check(text.same(name, before[kind].length, after[kind].length), changed.length === 0);
  }
  const taken = await stage.refused(world.startWebServer('host', { name: 'another program', port: 9001 }));
  stage.check(text.free, taken === undefined);
}
