/** @module Both ends of a veth pair, each with the index of the other. */

import type { Stage } from '../stage.ts';

export async function showInterfaces(stage: Stage): Promise<void> {
  const { inside, outside } = stage.interfaces('mynginx1');
  const { stdout: inContainer } = await stage.show('mynginx1', 'ip link show');
  stage.sameAs(`ethtool -i ${outside}; ethtool -S ${outside}`);
  const { stdout: onHost } = await stage.show('host', `ip link show ${outside}`);
  const here = indices(inContainer, inside);
  const there = indices(onHost, outside);
  const named = here !== undefined && there !== undefined && here.own === there.peer && here.peer === there.own;
  stage.check(stage.text.interfaces.peers(inside, outside), named);
  const { stdout: veths } = await stage.show('host', 'ip -brief link show type veth');
  stage.check(stage.text.interfaces.kind(outside), veths.includes(`${outside}@`));
}

/** The index of an interface and of its peer, as in `2: eth0@if4:`. */
function indices(output: string, name: string): { own: string; peer: string } | undefined {
  const [, own, peer] = new RegExp(`^(\\d+): ${name}@if(\\d+):`, 'm').exec(output) ?? [];
  return own === undefined || peer === undefined ? undefined : { own, peer };
}
