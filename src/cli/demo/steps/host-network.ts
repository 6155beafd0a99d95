/** @module Host mode: the container's ports are the host's. */

import type { Stage } from '../stage.ts';
import { ADDRESSES } from '../world.ts';

export async function showHostNetwork(stage: Stage): Promise<void> {
  const { engine, world } = stage;
  const text = stage.text.hostNetwork;
  stage.sameAs('docker run -d --net=host --name nginx-host nginx');
  await engine.createSandbox({ name: 'nginx-host', namespace: 'host', endpoints: [{ network: 'host' }] });
  await world.startWebServer(stage.sandbox('nginx-host'), { name: 'nginx-host' });
  const { body } = await stage.curl('lan', `http://${ADDRESSES.host.ipv4}/`);
  stage.sameAs('docker run -d --net=host --name nginx-host2 nginx');
  await engine.createSandbox({ name: 'nginx-host2', namespace: 'host', endpoints: [{ network: 'host' }] });
  const second = world.startWebServer(stage.sandbox('nginx-host2'), { name: 'nginx-host2' });
  const failure = await stage.refused(second);
  stage.check(text.answered, body.startsWith(`hello from nginx-host to ${ADDRESSES.lan.ipv4}:`));
  stage.check(text.taken, failure?.message.includes('address already in use') === true);
}
