/** @module Both ends of a veth pair, each with the index of the other. */

import type { Stage } from '../stage.ts';

export async function showInterfaces(stage: Stage): Promise<void> {
  const port = await stage.port('mynginx1');
  const { stdout: inContainer } = await stage.docker('exec mynginx1 ip link show');
  const { stdout: onHost } = await stage.show('host', `ip link show ${port}`);
  const here = indices(inContainer, 'eth0');
  const there = indices(onHost, port);
  const named = here !== undefined && there !== undefined && here.own === there.peer && here.peer === there.own;
  stage.check(stage.text.interfaces.peers('eth0', port), named);
  const { stdout: veths } = await stage.show('host', 'ip -brief link show type veth');
  stage.check(stage.text.interfaces.kind(port), veths.includes(`${port}@`));
}

/** The index of an interface and of its peer, as in `2: eth0@if4:`. */
function indices(output: string, name: string): { own: string; peer: string } | undefined {
  const [, own, peer] = new RegExp(`^(\\d+): ${name}@if(\\d+):`, 'm').exec(output) ?? [];
  return own === undefined || peer === undefined ? undefined : { own, peer };
}
