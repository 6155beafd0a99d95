/** @module A container on two networks: reached in the second by address and by name; others still are not. */

import { PontoonError } from '../../../errors.ts';
import type { Stage } from '../stage.ts';

export async function showConnect(stage: Stage): Promise<void> {
  const { engine } = stage;
  const text = stage.text.connect;
  stage.sameAs('docker network connect tomcat-net tomcat01');
  const endpoint = await engine.attach('tomcat01', 'tomcat-net');
  const { stdout: addresses } = await stage.show('tomcat01', 'ip -4 -brief address show');
  const [address = ''] = endpoint.ipv4?.split('/') ?? [];
  const byAddress = await stage.ping('net-tomcat01', address);
  const byName = await stage.ping('net-tomcat01', 'tomcat01');
  const other = await stage.ping('net-tomcat01', 'tomcat02');
  stage.sameAs('docker network rm tomcat-net');
  const refusal = await stage.refused(engine.removeNetwork('tomcat-net'));
  stage.check(text.two, /eth0\S* .* 172\.17\./.test(addresses) && /eth1\S* .* 172\.18\./.test(addresses));
  stage.check(text.address(address), byAddress);
  stage.check(text.name, byName);
  stage.check(text.other, !other);
  stage.check(text.refused, PontoonError.is(refusal, 'network-in-use'));
}
