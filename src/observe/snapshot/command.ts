/**
 * @module How somebody on the host runs a command in a namespace of a snapshot.
 */

import type { Namespace } from './types.ts';

/** The command, with what leads into the namespace before it; as it is for the host's own. */
export function inNamespace({ owner, names, processes, paths }: Namespace, command: string): string {
  if (owner === 'host') return command;
  const netns = names.find((one) => one.owner === 'netns');
  if (netns !== undefined) return `ip netns exec ${netns.name} ${command}`;
  if (processes[0] !== undefined) return `nsenter -t ${processes[0].pid} -n ${command}`;
  return paths[0] === undefined ? command : `nsenter --net=${paths[0]} ${command}`;
}
