/** @module The world that all of it happens in. */

import type { Stage } from '../stage.ts';
import { ADDRESSES } from '../world.ts';

export async function showWorld(stage: Stage): Promise<void> {
  const { outside } = ADDRESSES;
  await stage.show('host', 'ip -brief address show eth0');
  await stage.show('host', 'ip route show default');
  await stage.show('lan', 'ip -brief address show');
  const answers = [await stage.world.ping('host', outside.ipv4), await stage.world.ping('host', outside.ipv6)];
  stage.check(stage.text.world.reaches, answers.every(Boolean));
}
