/**
 * @module One container as this process has it: its record, and what only a process can have.
 */

import { Attachments } from './attachments.ts';
import type { HealthMonitor } from './health.ts';
import type { Monitored } from './monitors.ts';
import { type ContainerRecord, isActive } from './record.ts';
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
  health: HealthMonitor | undefined;
  /** What was found of its health in its last run. */
  lastHealth: Health | undefined;
  /** The start that the restart policy has planned. */
  nextStart: NodeJS.Timeout | undefined;
  /** How long the policy waited last; undefined after a start by hand. */
  restartDelayMs: number | undefined;
  /** How often it was paused: what was measured meanwhile says nothing. */
  pauses = 0;
  /** Restarts by hand that are going on: the end of their first run is no reason to remove it. */
  restarts = 0;

  constructor(record: ContainerRecord) {
    this.record = record;
  }

  get id(): string {
    return this.record.id;
  }

  /** Resolves when it neither runs nor will be started again by its policy. @throws the signal's reason */
  async ended(signal: AbortSignal): Promise<void> {
    while (isActive(this.record)) await this.waits.nextExit(signal);
  }

  /** The policy does not start it any more. */
  forgetNextStart(): void {
    clearTimeout(this.nextStart);
    this.nextStart = undefined;
  }
}
