/** @module A published port from a container on the same bridge, by the host's address. */

import type { Stage } from '../stage.ts';
import { ADDRESSES } from '../world.ts';

export async function showHairpin(stage: Stage): Promise<void> {
  const body = await stage.get('mynginx2', `http://${ADDRESSES.host.ipv4}:9001/`);
  stage.check(stage.text.hairpin.answered, body.startsWith('hello from mynginx1 '));
  stage.check(stage.text.hairpin.source, body.includes(' to 172.17.0.1:'));
}
