/** @module The first request from one container to the other: ARP asks for the MAC address, the bridge learns the ports. */

import type { Stage } from '../stage.ts';

export async function showFirstRequest(stage: Stage): Promise<void> {
  const { bridgeName = '' } = stage.engine.inspectNetwork('bridge');
  const text = stage.text.firstRequest;
  const macs = ['mynginx1', 'mynginx2'].map((name) => stage.sandbox(name).endpoints[0]?.mac ?? '');
  const ports = ['mynginx1', 'mynginx2'].map((name) => stage.interfaces(name).outside);

  stage.note(text.before);
  await stage.show('host', `bridge fdb flush dev ${bridgeName} nopermanent`);
  await stage.show('host', `bridge fdb show br ${bridgeName} dynamic`);
  stage.sameAs('arp -n');
  const { stdout: arpBefore } = await stage.show('mynginx1', 'ip -4 neighbour show');
  const fetched = await stage.curl('mynginx1', 'http://172.17.0.3/');
  stage.note(text.after);
  const { stdout: arpAfter } = await stage.show('mynginx1', 'ip -4 neighbour show');
  const { stdout: fdbAfter } = await stage.show('host', `bridge fdb show br ${bridgeName} dynamic`);

  stage.check(text.arpEmpty, arpBefore === '');
  stage.check(text.answered, fetched.body.startsWith('hello from mynginx2 to 172.17.0.2:'));
  stage.check(text.arpLearned(macs[1]!), arpAfter.includes(`172.17.0.3 dev eth0 lladdr ${macs[1]}`));
  stage.check(
    text.fdbLearned,
    macs.every((mac, index) => fdbAfter.includes(`${mac} dev ${ports[index]} master ${bridgeName}`)),
  );
}
