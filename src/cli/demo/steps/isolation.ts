/** @module A second network, from which the first is reached neither by address nor by name. */

import type { Stage } from '../stage.ts';

export async function showIsolation(stage: Stage): Promise<void> {
  const { engine, text } = stage;
  stage.sameAs('docker network create --subnet=172.18.0.0/24 tomcat-net');
  const network = await engine.createNetwork({ name: 'tomcat-net', subnets: [{ subnet: '172.18.0.0/24' }] });
  for (const name of ['tomcat01', 'tomcat02']) {
    stage.sameAs(`docker run -d --name ${name} tomcat`);
    await engine.createSandbox({ name, endpoints: [{ network: 'bridge' }] });
  }
  stage.sameAs('docker run -d --name net-tomcat01 --network tomcat-net tomcat');
  await engine.createSandbox({ name: 'net-tomcat01', endpoints: [{ network: 'tomcat-net' }] });
  const { stdout } = await stage.show('net-tomcat01', 'ip -4 -brief address show');
  const [address = ''] = stage.sandbox('tomcat01').endpoints[0]?.ipv4?.split('/') ?? [];
  const byAddress = await stage.ping('net-tomcat01', address);
  const byName = await stage.ping('net-tomcat01', 'tomcat01');
  stage.check(text.isolation.subnet, network.subnets[0]?.subnet === '172.18.0.0/24' && stdout.includes(' 172.18.0.'));
  stage.check(text.isolation.address, address !== '' && !byAddress);
  stage.check(text.isolation.name, !byName);
}
