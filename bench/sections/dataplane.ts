/**
 * @module dataplane: what travels between two endpoints of one network, against two containers on docker0, in turn.
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { type Ends, pingPong, tcpStream, udpRate } from '../dataplane/tools.ts';
import type { Row, Section } from '../lib/report.ts';
import { interleaved } from '../lib/stats.ts';
import * as docker from '../peers/docker.ts';
import { Dockerd } from '../peers/dockerd.ts';
import { benchEngine, pair, place } from '../pontoon.ts';

interface Place {
  readonly namespace: string;
  readonly address: string;
}

const between = (server: Place, client: Place): Ends => ({
  server: server.namespace,
  client: client.namespace,
  address: server.address,
});

/**
 * Whether bridged packets go through the host's netfilter (the module br_netfilter). Docker needs that and turns it on; a
 * host that has only Pontoon does not load the module. Where the kernel has it built in, both ways are measured.
 */
const BRIDGE_NETFILTER = ['iptables', 'ip6tables', 'arptables'].map(
  (name) => `/proc/sys/net/bridge/bridge-nf-call-${name}`,
);

function bridgeNetfilter(): string | undefined {
  return existsSync(BRIDGE_NETFILTER[0]!) ? readFileSync(BRIDGE_NETFILTER[0]!, 'utf8').trim() : undefined;
}

function setBridgeNetfilter(value: '0' | '1'): void {
  for (const path of BRIDGE_NETFILTER) writeFileSync(path, value);
}

export const dataplane: Section = {
  name: 'dataplane',
  about: 'packets, bytes and round trips between two endpoints',
  async run({ rounds }) {
    await using daemon = await Dockerd.start('docker-dataplane');
    await using engine = await benchEngine();
    const [server, client] = await pair(engine, 'dataplane');
    const mine = between(place(server), place(client));
    const theirs = between(...(await docker.pair(daemon, 'dataplane')));
    const rows: Row[] = [];
    const compare = async (
      what: string,
      unit: Row['unit'],
      timesBetter: number,
      measure: (ends: Ends) => Promise<number>,
    ) => {
      const [pontoon, value] = await interleaved(Math.max(5, rounds), [() => measure(mine), () => measure(theirs)]);
      const peer = { name: 'dockerd', value: value! };
      rows.push({ what, unit, better: 'higher', pontoon: pontoon!, peer, goal: { timesBetter } });
    };
    const compareAll = async (how: string): Promise<void> => {
      await compare(`UDP, 64 bytes, packets${how}`, '/s', 1.4, udpRate);
      await compare(`TCP, 4 streams${how}`, 'Gbit/s', 1.5, (ends) => tcpStream(ends, 4));
      await compare(`TCP request/response${how}`, '/s', 1.2, (ends) => pingPong(ends, 'tcp'));
      await compare(`UDP request/response${how}`, '/s', 1.2, (ends) => pingPong(ends, 'udp'));
    };
    await compareAll('');
    if (bridgeNetfilter() === '1') {
      setBridgeNetfilter('0');
      await compareAll(', br_netfilter off');
      setBridgeNetfilter('1');
    }
    for (const sandbox of [server, client]) await engine.removeSandbox(sandbox.id);
    return rows;
  },
};
