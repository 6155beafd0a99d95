/** @module What leaves the host takes its address: seen by a server on the outside. */

import type { Stage } from '../stage.ts';
import { ADDRESSES } from '../world.ts';

export async function showMasquerade(stage: Stage): Promise<void> {
  const text = stage.text.masquerade;
  const { host, outside } = ADDRESSES;
  await stage.world.startWebServer(stage.world.lan, { name: 'outside' });
  const body = await stage.get('mynginx1', `http://${outside.ipv4}/`);
  const body6 = await stage.get('mynginx1', `http://[${outside.ipv6}]/`);
  await stage.show('host', 'nft list chain inet pontoon postrouting');
  const { status } = await stage.show('lan', 'ip route get 172.17.0.2');
  stage.check(text.answered, body.startsWith('hello from outside '));
  stage.check(text.source(host.ipv4), body.includes(` to ${host.ipv4}:`));
  stage.check(text.source6(host.ipv6), body6.includes(` to [${host.ipv6}]:`));
  stage.check(text.unroutable, status !== 0);
}
