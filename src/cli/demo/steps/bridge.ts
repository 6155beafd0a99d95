/** @module The bridge and its ports. */

import type { Stage } from '../stage.ts';

export async function showBridge(stage: Stage): Promise<void> {
  const { bridgeName = '' } = stage.engine.inspectNetwork('bridge');
  stage.sameAs('brctl show');
  const { stdout } = await stage.show('host', 'bridge link show');
  const ports = ['mynginx1', 'mynginx2'].map((name) => stage.interfaces(name).outside);
  const forwarding = ports.every((port) =>
    stdout
      .split('\n')
      .some((line) => line.includes(` ${port}@`) && line.includes(`master ${bridgeName} state forwarding`)),
  );
  stage.check(stage.text.bridge.ports(bridgeName), forwarding);
}
