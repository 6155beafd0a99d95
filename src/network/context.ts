/**
 * @module What the parts of the engine share.
 */

import { join } from 'node:path';
import type { AddressSpace } from '../ipam/index.ts';
import type { Announcer } from './announcer.ts';
import type { Host } from './host.ts';
import type { Leases } from './leases.ts';
import type { PacketFilter } from './packet-filter.ts';
import type { PortHolder } from './ports.ts';
import type { Resolvers } from './resolvers.ts';
import type { State } from './state.ts';
import type { NewEvent, SandboxRecord } from './store.ts';

export interface Context {
  readonly paths: Paths;
  readonly state: State;
  readonly host: Host;
  readonly space: AddressSpace;
  readonly leases: Leases;
  readonly ruleset: PacketFilter;
  readonly ports: PortHolder;
  readonly resolvers: Resolvers;
  readonly announcer: Announcer;
}

/** Where the engine keeps what a reboot may take. */
export class Paths {
  readonly runRoot: string;

  constructor(runRoot: string) {
    this.runRoot = runRoot;
  }

  get namespaces(): string {
    return join(this.runRoot, 'netns');
  }

  /** The pin of a sandbox's namespace. */
  namespace(sandboxId: string): string {
    return join(this.namespaces, sandboxId.slice(0, 12));
  }

  /** Where the namespace of a running sandbox is; for one that shares another's, the other's. */
  namespaceOf({ id, namespace }: Pick<SandboxRecord, 'id' | 'namespace'>): string {
    if (namespace === 'host') return `/proc/${process.pid}/ns/net`;
    if (typeof namespace === 'object' && 'path' in namespace) return namespace.path;
    return this.namespace(typeof namespace === 'object' && 'sandbox' in namespace ? namespace.sandbox : id);
  }

  get sandboxes(): string {
    return join(this.runRoot, 'sandboxes');
  }

  /** The directory of a sandbox's hosts, resolv.conf and hostname. */
  sandbox(sandboxId: string): string {
    return join(this.sandboxes, sandboxId.slice(0, 12));
  }

  /** The directory that a sandbox finds them in: one that shares another's stack has the other's names. */
  filesOf({ id, namespace }: Pick<SandboxRecord, 'id' | 'namespace'>): string {
    return this.sandbox(typeof namespace === 'object' && 'sandbox' in namespace ? namespace.sandbox : id);
  }
}

/** An event about an endpoint, in Docker's words. */
export function networkEvent(
  action: NewEvent['action'],
  network: { id: string; name: string; driver: string },
  more: Record<string, string> = {},
): NewEvent {
  return { type: 'network', action, id: network.id, attributes: { name: network.name, type: network.driver, ...more } };
}
