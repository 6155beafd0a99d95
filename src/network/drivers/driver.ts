/**
 * @module What a network driver is: it makes a network and its endpoints in the kernel, and repairs and removes them.
 *
 * Drivers know links, addresses and ports of a bridge. What is the same for all drivers (records, leases, names, rules,
 * default routes) is the engine's. Every method may be called again after a crash in the middle of it.
 */

import { PontoonError } from '../../errors.ts';
import type { NetworkNamespace } from '../../kernel/namespace.ts';
import type { NetlinkSocket } from '../../kernel/netlink/socket.ts';
import { getLink } from '../../kernel/rtnetlink/link.ts';
import type { Host } from '../host.ts';
import type { EndpointRecord, NetworkRecord } from '../store.ts';
import type { NetworkSpec } from '../types.ts';

/** An endpoint with what belongs to it. */
export interface Attachment {
  readonly network: NetworkRecord;
  readonly endpoint: EndpointRecord;
  readonly sandboxName: string;
}

/** A sandbox's namespace, open for one operation, with an rtnetlink socket inside it. */
export interface OpenNamespace {
  readonly namespace: NetworkNamespace;
  readonly rt: NetlinkSocket;
  /** The indexes of its interfaces, by name, as far as they are known. */
  readonly indexes: Map<string, number>;
}

/** The index of an interface in a sandbox; undefined where there is none. It is asked for once. @throws KernelError */
export function indexInside({ rt, indexes }: OpenNamespace, name: string): number | undefined {
  const index = indexes.get(name) ?? getLink(rt, name)?.index;
  if (index !== undefined) indexes.set(name, index);
  return index;
}

export interface NetworkDriver {
  /** Whether sandboxes get an interface, with addresses, on such a network. */
  readonly hasInterfaces: boolean;
  /** Refuses what such a network cannot be. @throws PontoonError mode-conflict, bad-value, feature-missing, … */
  check(host: Host, spec: NetworkSpec): void;
  /** Makes what the network needs on the host, or mends it; one line for each thing done. @throws PontoonError */
  ensureNetwork(host: Host, network: NetworkRecord): string[];
  /** Takes it away; what is gone already is fine. */
  removeNetwork(host: Host, network: NetworkRecord): void;
  /** Makes an endpoint that is not there yet. @throws PontoonError; the caller then detaches */
  attach(host: Host, sandbox: OpenNamespace, attachment: Attachment): void;
  /** Cuts an endpoint off at once and deletes it, soon. `sandbox` is undefined when the namespace is gone. */
  detach(host: Host, sandbox: OpenNamespace | undefined, attachment: Attachment): void;
  /** Whether frames from the endpoint get through to the network. */
  isForwarding(host: Host, endpoint: EndpointRecord): boolean;
  /** Makes an endpoint as it should be; one line for each thing done. @throws PontoonError */
  repair(host: Host, sandbox: OpenNamespace, attachment: Attachment): string[];
}

/** An interface name that the sandbox has already. */
export function interfaceTaken(sandboxName: string, interfaceName: string, cause?: unknown): PontoonError {
  return new PontoonError(
    'interface-taken',
    `sandbox ${sandboxName} has an interface ${interfaceName} already: choose another interface name`,
    { cause, subject: interfaceName },
  );
}

/** Refuses options that only other drivers have. @throws PontoonError mode-conflict */
export function refuseOptions(spec: NetworkSpec, driver: string, options: readonly (keyof NetworkSpec)[]): void {
  const given = options.filter((option) => spec[option] !== undefined);
  if (given.length === 0) return;
  throw new PontoonError(
    'mode-conflict',
    `network ${spec.name} has the driver ${driver}, which has no ${given.join(', ')}: leave that out`,
    { subject: spec.name },
  );
}
