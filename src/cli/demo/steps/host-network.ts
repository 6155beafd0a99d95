/** @module Host mode: the container's ports are the host's. */

import type { Stage } from '../stage.ts';
import { ADDRESSES } from '../world.ts';
import { webServer } from './containers.ts';

export async function showHostNetwork(stage: Stage): Promise<void> {
  const text = stage.text.hostNetwork;
  await stage.docker(webServer('nginx-host', '--net=host'));
  const { body } = await stage.curl('lan', `http://${ADDRESSES.host.ipv4}/`);
  const second = await stage.pontoon(webServer('nginx-host2', '--net=host').replace('run -d', 'run --rm'));
  stage.check(text.answered, body.startsWith(`hello from nginx-host to ${ADDRESSES.lan.ipv4}:`));
  stage.check(text.taken, second.status === 1 && /address already in use/i.test(second.stderr));
}
