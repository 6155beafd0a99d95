/** @module The bridge and its ports. */

import type { Stage } from '../stage.ts';
import { BRIDGE } from './network.ts';

export async function showBridge(stage: Stage): Promise<void> {
  const { stdout } = await stage.show('host', 'bridge link show');
  const ports = [await stage.port('mynginx1'), await stage.port('mynginx2')];
  const forwarding = ports.every((port) =>
    stdout.split('\n').some((line) => line.includes(` ${port}@`) && line.includes(`master ${BRIDGE} state forwarding`)),
  );
  stage.check(stage.text.bridge.ports(BRIDGE), forwarding);
}
