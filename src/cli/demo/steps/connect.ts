/** @module A container on two networks: reached in the second by address and by name; others still are not. */

import type { Stage } from '../stage.ts';

export async function showConnect(stage: Stage): Promise<void> {
  const text = stage.text.connect;
  await stage.docker('network connect tomcat-net tomcat01');
  const { stdout: addresses } = await stage.pontoon(`exec tomcat01 ip -4 address show scope global`);
  const { address } = await stage.endpoint('tomcat01', 'tomcat-net');
  const byAddress = await stage.ping('net-tomcat01', address);
  const byName = await stage.ping('net-tomcat01', 'tomcat01');
  const other = await stage.ping('net-tomcat01', 'tomcat02');
  const refusal = await stage.docker('network rm tomcat-net');
  stage.check(text.two, / 172\.17\..* eth0$/m.test(addresses) && / 172\.18\..* eth1$/m.test(addresses));
  stage.check(text.address(address), byAddress);
  stage.check(text.name, byName);
  stage.check(text.other, !other);
  stage.check(text.refused, refusal.status !== 0 && refusal.stderr.includes('has active endpoints'));
}
