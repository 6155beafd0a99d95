/** @module Everything removed, and compared with what was there before the first container. */

import { setTimeout as sleep } from 'node:timers/promises';
import { differences, type Inventory, takeInventory } from '../inventory.ts';
import type { Stage } from '../stage.ts';

/** Only to see that something stays for good. */
const PATIENCE_MS = 10_000;

export async function showRemoval(stage: Stage): Promise<void> {
  const { world } = stage;
  const before = stage.before!;
  const text = stage.text.removal;
  await stage.docker('rm -f mynginx1 mynginx2 tomcat01 tomcat02 net-tomcat01 nginx-host');
  await stage.docker('network rm tomcat-net');
  const after = await settled(stage, before);
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

/** The kernel takes interfaces away in the background: what is there when nothing is too many, or when the time is over. */
async function settled({ world }: Stage, before: Inventory): Promise<Inventory> {
  for (const end = Date.now() + PATIENCE_MS; ; await sleep(20)) {
    const after = await takeInventory(world);
    const kinds = Object.keys(before) as (keyof Inventory)[];
    if (Date.now() > end || kinds.every((kind) => differences(before[kind], after[kind]).length === 0)) return after;
  }
}
