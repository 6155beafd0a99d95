/**
 * @module How the pictures say things: the words that the tree, the drawing and the graphs have in common.
 */

import type { Interface, Member, Segment, Station } from './types.ts';

/** 'docker network front, internal'; '' where no engine knows the bridge. */
export function describeNetwork({ network }: Segment): string {
  if (network === undefined) return '';
  return `${network.engine} network ${network.name}${network.internal ? ', internal' : ''}`;
}

/** Who else is in the namespace: 'with guest, sidecar'. */
export function describeGuests({ name, containers }: Station): string {
  const others = containers.filter((one) => one !== name);
  return others.length === 0 ? '' : `with ${others.join(', ')}`;
}

/** 'eth0@web'; the port's own name where nobody is known behind it. */
export function memberLabel({ far, port }: Member): string {
  return far === undefined ? `${port?.name ?? '?'} (${port?.kind ?? '?'})` : `${far.name}@${far.station.name}`;
}

export function isDown(...interfaces: readonly (Interface | undefined)[]): boolean {
  return interfaces.some((one) => one?.up === false);
}

/** One line that no name can break: a snapshot is somebody else's text. */
export function printable(text: string): string {
  return text.replaceAll(/\p{C}/gu, '�');
}
