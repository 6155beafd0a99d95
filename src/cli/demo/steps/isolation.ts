/** @module A second network, from which the first is reached neither by address nor by name; and why. */

import type { Stage } from '../stage.ts';

export async function showIsolation(stage: Stage): Promise<void> {
  const text = stage.text.isolation;
  await stage.docker('network create --subnet=172.18.0.0/24 tomcat-net');
  for (const name of ['tomcat01', 'tomcat02']) await stage.pontoon(`run -d --name ${name} pontoon/busybox sleep 1h`);
  await stage.docker('run -d --name net-tomcat01 --network tomcat-net pontoon/busybox sleep 1h');
  const { stdout } = await stage.pontoon('exec net-tomcat01 ip -4 address show dev eth0');
  const { address } = await stage.endpoint('tomcat01');
  const byAddress = await stage.ping('net-tomcat01', address);
  const byName = await stage.ping('net-tomcat01', 'tomcat01');
  const { cause } = await stage.explain('net-tomcat01 tomcat01');
  stage.check(text.subnet, stdout.includes(' 172.18.0.2/24 '));
  stage.check(text.address, address !== '' && !byAddress);
  stage.check(text.name, !byName);
  stage.check(text.cause, cause === 'network-isolated');
}
