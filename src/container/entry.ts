/**
 * @module One container as this process has it: its record, and what only a process can have.
 */

import { Attachments } from './attachments.ts';
import type { HealthMonitor } from './health.ts';
import type { Monitored } from './monitors.ts';
import { type ContainerRecord, isActive } from './record.ts';
import type { BundleInput } from './runtime/index.ts';
import { Turn } from './turn.ts';
import type { Health } from './types.ts';
import { Waits } from './waits.ts';

export class Entry {
  /** As it is in the store; changed by `Table.commit` only. */
  record: ContainerRecord;
  /** What changes the container runs in turn. */
  readonly turn = new Turn();
  readonly waits = new Waits();
  readonly attachments = new Attachments();
  /** The first process in the container, and its monitor; undefined while there is none. */
  process: Monitored | undefined;
  /** When the program was let go, by performance.now(); undefined where an earlier daemon did so. */
  begunMs: number | undefined;
  /** The image's root below the container's; '' while this process has not mounted it. */
  lower = '';
  /** What the runtime was told of this run. */
  bundle: BundleInput | undefined;
  health: HealthMonitor | undefined;
  /** What was found of its health in its last run. */
  lastHealth: Health | undefined;
  /** The start that the restart policy has planned. */
  nextStart: NodeJS.Timeout | undefined;
  /** How long the policy waited last; undefined after a start by hand. */
  restartDelayMs: number | undefined;
  /** Restarts by hand that are going on: the end of their first run is no reason to remove it. */
  restarts = 0;

  constructor(record: ContainerRecord) {
    this.record = record;
  }

  get id(): string {
    return this.record.id;
  }

  /** Resolves when it neither runs nor will be started again by its policy. */
  async ended(): Promise<void> {
    while (isActive(this.record)) await this.waits.nextExit();
  }

  /** The policy does not start it any more. */
  forgetNextStart(): void {
    clearTimeout(this.nextStart);
    this.nextStart = undefined;
  }
}
