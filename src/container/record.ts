/**
 * @module What the store keeps of a container: what it should be, and what became of its last run.
 *
 * Process IDs are not here: they are found in the run directory, which a reboot takes with the processes.
 */

import type { PortBindingSpec } from '../network/types.ts';
import type { Mount, ResolvedSpec } from './types.ts';

/** `running` also holds while it is being started: whether it does run, the run directory knows. */
export type Phase = 'created' | 'running' | 'paused' | 'restarting' | 'exited' | 'removing';

export interface ContainerRecord {
  readonly id: string;
  readonly name: string;
  readonly createdMs: number;
  readonly spec: ResolvedSpec;
  readonly imageId: string;
  /** The command line: entrypoint and command. */
  readonly path: string;
  readonly args: readonly string[];
  /** Binds, volumes and tmpfs; the source of a volume is where its volume is, so it is left empty here. */
  readonly mounts: readonly Mount[];
  readonly phase: Phase;
  readonly exitCode: number;
  readonly oomKilled: boolean;
  /** Why the last start failed, or ''. */
  readonly error: string;
  readonly startedMs: number | undefined;
  readonly finishedMs: number | undefined;
  /** How often the restart policy has started it since somebody did. */
  readonly restartCount: number;
  /** Somebody stopped it, so that 'unless-stopped' leaves it alone. */
  readonly stoppedByHand: boolean;
  /** Published ports that no network of it can carry now. */
  readonly waitingPorts?: readonly PortBindingSpec[];
  /** `removing`: its anonymous volumes go too. */
  readonly removesVolumes: boolean;
}

/** Whether a container counts as running: it has a process, or will have one again by itself. */
export function isActive({ phase }: Pick<ContainerRecord, 'phase'>): boolean {
  return phase === 'running' || phase === 'paused' || phase === 'restarting';
}

/** Whether a container should have a process. */
export function hasProcess({ phase }: Pick<ContainerRecord, 'phase'>): boolean {
  return phase === 'running' || phase === 'paused';
}
