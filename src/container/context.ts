/**
 * @module What the rooms of the containers share.
 */

import { join } from 'node:path';
import { PontoonError } from '../errors.ts';
import type { Engine } from '../network/engine.ts';
import type { Entry } from './entry.ts';
import type { ExecEntry } from './execs.ts';
import type { Gate } from './gate.ts';
import type { Images } from './images/index.ts';
import type { Runtime } from './runtime/index.ts';
import type { Table } from './table.ts';
import type { ContainerEvent } from './types.ts';
import type { Volumes } from './volumes.ts';

/** Where the containers' own messages go; pino's loggers fit. */
export interface Log {
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

export interface Context {
  readonly engine: Engine;
  readonly images: Images;
  readonly volumes: Volumes;
  readonly table: Table;
  readonly execs: Map<string, ExecEntry>;
  /** The OCI runtime, looked for when it is needed. @throws PontoonError program-missing */
  readonly runtime: () => Promise<Runtime>;
  /** What begins processes goes through here. */
  readonly gate: Gate;
  readonly paths: Paths;
  readonly log: Log;
  readonly onEvent: (event: ContainerEvent) => void;
}

/** Where containers are kept. */
export class Paths {
  readonly dataRoot: string;
  readonly runRoot: string;

  constructor(dataRoot: string, runRoot: string) {
    this.dataRoot = dataRoot;
    this.runRoot = runRoot;
  }

  /** What rootfs.ts asks for. */
  get roots(): { readonly dataRoot: string; readonly runRoot: string } {
    return { dataRoot: this.dataRoot, runRoot: this.runRoot };
  }

  get containers(): string {
    return join(this.dataRoot, 'containers');
  }

  /** What outlives a reboot. */
  container(id: string): string {
    return join(this.containers, id);
  }

  log(id: string): string {
    return join(this.container(id), 'container.log');
  }

  /** One directory for each running container: bundle and process IDs. */
  get running(): string {
    return join(this.runRoot, 'containers');
  }

  run(id: string): string {
    return join(this.running, id);
  }

  /** conmon writes a file with the exit code here, named by container. */
  get exits(): string {
    return join(this.runRoot, 'exits');
  }

  get execs(): string {
    return join(this.runRoot, 'execs');
  }

  /** One directory for each exec that runs. */
  exec(id: string): string {
    return join(this.execs, id);
  }
}

/** Says in Docker's words what happened to a container. */
export function emit(
  { onEvent }: Context,
  { record }: Entry,
  action: string,
  attributes: Readonly<Record<string, string>> = {},
): void {
  onEvent({
    timeNs: BigInt(Date.now()) * 1_000_000n,
    type: 'container',
    action,
    id: record.id,
    attributes: { ...record.spec.labels, image: record.spec.image, name: record.name, ...attributes },
  });
}

export function wrongState(entry: Entry, message: string): PontoonError {
  return new PontoonError('container-state', message, { subject: entry.record.name });
}
