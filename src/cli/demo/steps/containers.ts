/** @module Two containers (here: sandboxes with a web server each) on the default network, with published ports. */

import type { Stage } from '../stage.ts';

export async function showContainers(stage: Stage): Promise<void> {
  for (const [name, hostPort] of [
    ['mynginx1', 9001],
    ['mynginx2', 9002],
  ] as const) {
    stage.sameAs(`docker run -d --name ${name} -p ${hostPort}:80 nginx`);
    await stage.engine.createSandbox({ name, endpoints: [{ network: 'bridge', ports: [{ port: 80, hostPort }] }] });
    await stage.world.startWebServer(stage.sandbox(name), { name });
  }
  const endpoints = ['mynginx1', 'mynginx2'].map((name) => stage.sandbox(name).endpoints[0]);
  const addresses = endpoints.map((endpoint) => endpoint?.ipv4?.split('/', 1)[0] ?? '');
  const macs = endpoints.map((endpoint) => endpoint?.mac ?? '');
  stage.sameAs('docker ps; docker network inspect bridge');
  for (const endpoint of endpoints) {
    const { sandboxName, ipv4, ipv6, mac, ports } = endpoint!;
    const published = ports.map(({ hostPort, port, protocol }) => `${hostPort[0]}->${port[0]}/${protocol}`);
    stage.output([`${sandboxName}  ${mac}  ${ipv4}  ${ipv6}  ${published.join(' ')}`]);
  }
  stage.check(stage.text.containers.addresses, addresses.join(' ') === '172.17.0.2 172.17.0.3');
  stage.check(stage.text.containers.macs, macs.join(' ') === addresses.map(readableMac).join(' '));
}

function readableMac(address: string): string {
  const bytes = address.split('.').map((byte) => Number(byte).toString(16).padStart(2, '0'));
  return ['02', '42', ...bytes].join(':');
}
