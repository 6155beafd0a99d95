/**
 * @module The CNI reference plugins as a peer: bridge with host-local, then portmap with one published port, executed as
 * the specification says (configuration on standard input, parameters in the environment).
 *
 * The namespace is the caller's affair in CNI: it is made before the clock starts, which is in the peer's favour.
 */

import type { AttachTimes } from '../floor/floor.ts';
import { ip, run } from '../lib/exec.ts';
import { offer } from '../lib/isolated.ts';
import { timeMs } from '../lib/stats.ts';

const PLUGINS = '/usr/lib/cni';
const NETWORK = { cniVersion: '1.0.0', name: 'bench' };
const BRIDGE = {
  ...NETWORK,
  type: 'bridge',
  bridge: 'cni0',
  isGateway: true,
  ipMasq: true,
  ipam: { type: 'host-local', ranges: [[{ subnet: '10.90.0.0/16' }]], routes: [{ dst: '0.0.0.0/0' }] },
};

type Verb = 'ADD' | 'DEL';

function plugin(type: string, verb: Verb, number: number, config: object): Promise<string> {
  const env = {
    CNI_COMMAND: verb,
    CNI_CONTAINERID: `bench${number}`,
    CNI_NETNS: `/run/netns/cni${number}`,
    CNI_IFNAME: 'eth0',
    CNI_PATH: PLUGINS,
    PATH: process.env.PATH ?? '',
  };
  return run(`${PLUGINS}/${type}`, [], { input: JSON.stringify(config), env });
}

function portmap(verb: Verb, number: number, prevResult: unknown): Promise<string> {
  const portMappings = [{ hostPort: 20000 + number, containerPort: 80, protocol: 'tcp' }];
  const config = { ...NETWORK, type: 'portmap', capabilities: { portMappings: true } };
  return plugin('portmap', verb, number, { ...config, runtimeConfig: { portMappings }, prevResult });
}

/** `count` attaches to one bridge; only the last `sample` of them are taken away again. */
export async function attachTimes(argument: { count: number; sample: number }): Promise<AttachTimes> {
  const attachMs: number[] = [];
  const detachMs: number[] = [];
  const results: unknown[] = [];
  for (let number = 0; number < argument.count; number++) {
    await ip(`netns add cni${number}`);
    attachMs.push(
      await timeMs(async () => {
        const result = JSON.parse(await plugin('bridge', 'ADD', number, BRIDGE)) as unknown;
        results.push(result);
        await portmap('ADD', number, result);
      }),
    );
  }
  for (let number = argument.count - 1; number >= argument.count - argument.sample; number--) {
    detachMs.push(
      await timeMs(async () => {
        await portmap('DEL', number, results[number]);
        await plugin('bridge', 'DEL', number, { ...BRIDGE, prevResult: results[number] });
      }),
    );
  }
  return { attachMs, detachMs };
}

await offer(import.meta, { attachTimes });
