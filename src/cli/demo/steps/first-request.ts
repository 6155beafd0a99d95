/** @module The first request from one container to the other: ARP asks for the MAC address, the bridge learns the ports. */

import type { Stage } from '../stage.ts';
import { BRIDGE } from './network.ts';

export async function showFirstRequest(stage: Stage): Promise<void> {
  const text = stage.text.firstRequest;
  const macs = [(await stage.endpoint('mynginx1')).mac, (await stage.endpoint('mynginx2')).mac];
  const ports = [await stage.port('mynginx1'), await stage.port('mynginx2')];

  stage.note(text.before);
  await stage.show('host', `bridge fdb flush dev ${BRIDGE} nopermanent`);
  await stage.show('host', `bridge fdb show br ${BRIDGE} dynamic`);
  const { stdout: arpBefore } = await stage.docker('exec mynginx1 arp -n');
  const body = await stage.get('mynginx1', 'http://172.17.0.3/');
  stage.note(text.after);
  const { stdout: arpAfter } = await stage.docker('exec mynginx1 arp -n');
  const { stdout: fdbAfter } = await stage.show('host', `bridge fdb show br ${BRIDGE} dynamic`);

  stage.check(text.arpEmpty, arpBefore === '');
  stage.check(text.answered, body.startsWith('hello from mynginx2 to 172.17.0.2:'));
  stage.check(text.arpLearned(macs[1]!), arpAfter.includes(`(172.17.0.3) at ${macs[1]} [ether]  on eth0`));
  stage.check(
    text.fdbLearned,
    macs.every((mac, index) => fdbAfter.includes(`${mac} dev ${ports[index]} master ${BRIDGE}`)),
  );
}
