/** @module The same way once more, with the frames of one ping caught at every place at once. */

import type { Stage } from '../stage.ts';
import { BRIDGE } from './network.ts';

export async function showTrace(stage: Stage): Promise<void> {
  const text = stage.text.trace;
  const ports = [await stage.port('mynginx1'), await stage.port('mynginx2')];
  const { NetworkSettings } = await stage.inspect('mynginx1');
  await stage.show('host', `bridge fdb flush dev ${BRIDGE} nopermanent`);
  await stage.show('host', `nsenter --net=${NetworkSettings.SandboxKey} ip neighbour flush dev eth0`);
  const { status, stdout } = await stage.pontoon('trace mynginx1 mynginx2');
  const asked = ['eth0@mynginx1', ...ports, 'eth0@mynginx2'].every((place) =>
    stdout.split('\n').some((line) => line.includes(` ${place} `) && line.includes('ARP who has 172.17.0.3')),
  );
  stage.check(text.asked, asked);
  stage.check(text.answered, status === 0 && stdout.includes('ANSWERED'));
}
