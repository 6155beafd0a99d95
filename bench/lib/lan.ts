/**
 * @module A neighbour on the LAN: a namespace wired to a host's uplink, from where published ports are reached.
 */

import { ip, run, runIn } from './exec.ts';

export interface Neighbour {
  /** The path of the neighbour's namespace. */
  readonly namespace: string;
  /** The host's address on the LAN. */
  readonly hostAddress: string;
}

/** Wires a neighbour to the host whose network namespace is at `host`. `name` must be unique in the world. */
export async function lanNeighbour(host: string, name: string): Promise<Neighbour> {
  await ip(`netns add ${name}`);
  const namespace = `/run/netns/${name}`;
  const onHost = (command: string): Promise<string> => runIn(host, 'ip', command.split(' '));
  const onNeighbour = (command: string): Promise<string> => run('ip', ['-n', name, ...command.split(' ')]);
  await onHost(`link add uplink0 type veth peer name eth0 netns ${name}`);
  await onHost('addr add 198.51.100.1/24 dev uplink0');
  await onHost('link set uplink0 up');
  await onNeighbour('addr add 198.51.100.2/24 dev eth0');
  await onNeighbour('link set eth0 up');
  // Many connections from one address: as many local ports as there are.
  await runIn(namespace, 'sysctl', ['-qw', 'net.ipv4.ip_local_port_range=1024 65535']);
  return { namespace, hostAddress: '198.51.100.1' };
}
