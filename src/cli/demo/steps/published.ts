/** @module A published port from the host and from its LAN, and the map element that leads it to the container. */

import type { Stage } from '../stage.ts';
import { ADDRESSES } from '../world.ts';

export async function showPublishedPort(stage: Stage): Promise<void> {
  const text = stage.text.published;
  const { host, lan } = ADDRESSES;
  const loopback = await stage.curl('host', 'http://127.0.0.1:9001/');
  const own = await stage.curl('host', `http://${host.ipv4}:9001/`);
  const loopback6 = await stage.curl('host', 'http://[::1]:9001/');
  const outside = await stage.curl('lan', `http://${host.ipv4}:9001/`);
  const outside6 = await stage.curl('lan', `http://[${host.ipv6}]:9001/`);
  await stage.show('host', 'nft list chain inet pontoon published');
  const { stdout: map } = await stage.show('host', 'nft list map inet pontoon any4');
  stage.check(
    text.loopback,
    [loopback, loopback6].every(({ body }) => body.startsWith('hello from mynginx1 ')),
  );
  stage.check(text.ownAddress, own.body.startsWith('hello from mynginx1 '));
  stage.check(text.lan, outside.body.startsWith('hello from mynginx1 '));
  stage.check(text.source(lan.ipv4), outside.body.includes(` to ${lan.ipv4}:`));
  stage.check(text.lan6(lan.ipv6), outside6.body.startsWith(`hello from mynginx1 to [${lan.ipv6}]:`));
  stage.check(text.rule, /tcp \. 9001 : 172\.17\.0\.2 \. 80\b/.test(map));
}
