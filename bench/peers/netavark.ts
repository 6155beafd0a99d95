/**
 * @module Podman's netavark as a peer: setup and teardown of one endpoint with one published port.
 *
 * Its caller makes the namespace and picks the address: both are outside the clock, which is in the peer's favour.
 */

import { mkdirSync } from 'node:fs';
import type { AttachTimes } from '../floor/floor.ts';
import { ip, run } from '../lib/exec.ts';
import { offer } from '../lib/isolated.ts';
import { timeMs } from '../lib/stats.ts';

const PROGRAM = '/usr/lib/podman/netavark';
const STATE = '/run/netavark-bench';

function configuration(number: number): string {
  const host = number + 2;
  return JSON.stringify({
    container_id: `bench${number}`,
    container_name: `bench${number}`,
    networks: { bench: { interface_name: 'eth0', static_ips: [`10.91.${host >> 8}.${host & 255}`] } },
    network_info: {
      bench: {
        name: 'bench',
        id: '0'.repeat(64),
        driver: 'bridge',
        network_interface: 'podman1',
        subnets: [{ subnet: '10.91.0.0/16', gateway: '10.91.0.1' }],
        ipv6_enabled: false,
        internal: false,
        dns_enabled: false,
        ipam_options: { driver: 'host-local' },
      },
    },
    port_mappings: [{ host_ip: '', host_port: 20000 + number, container_port: 80, range: 1, protocol: 'tcp' }],
  });
}

function netavark(verb: 'setup' | 'teardown', number: number): Promise<string> {
  return run(PROGRAM, ['--config', STATE, verb, `/run/netns/netavark${number}`], { input: configuration(number) });
}

/** `count` attaches to one bridge; only the last `sample` of them are taken away again. */
export async function attachTimes(argument: { count: number; sample: number }): Promise<AttachTimes> {
  mkdirSync(STATE, { recursive: true });
  const attachMs: number[] = [];
  const detachMs: number[] = [];
  for (let number = 0; number < argument.count; number++) {
    await ip(`netns add netavark${number}`);
    attachMs.push(await timeMs(() => netavark('setup', number)));
  }
  for (let number = argument.count - 1; number >= argument.count - argument.sample; number--) {
    detachMs.push(await timeMs(() => netavark('teardown', number)));
  }
  return { attachMs, detachMs };
}

await offer(import.meta, { attachTimes });
