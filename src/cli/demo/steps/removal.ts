/** @module Everything removed, and compared with what was there before the first container. */

import { differences, type Inventory, takeInventory } from '../inventory.ts';
import type { Stage } from '../stage.ts';

export async function showRemoval(stage: Stage): Promise<void> {
  const { world } = stage;
  const before = stage.before!;
  const text = stage.text.removal;
  await stage.docker('rm -f mynginx1 mynginx2 tomcat01 tomcat02 net-tomcat01 nginx-host');
  await stage.docker('network rm tomcat-net');
  const after = await takeInventory(world);
  await stage.show('host', 'ip -brief link show');
  for (const [kind, name] of Object.entries(text.kinds) as [keyof Inventory, string][]) {
    const changed = differences(before[kind], after[kind]);
    if (changed.length > 0) stage.output(changed);
    stage.check(text.same(name, before[kind].length, after[kind].length), changed.length === 0);
  }
  // Fails where the port is still held.
  await world.startWebServer('host', { name: 'another program', port: 9001 });
  stage.check(text.free, true);
}
