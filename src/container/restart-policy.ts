/**
 * @module When a container that ended is started again, and after how long. Pure; as Docker's restart manager
 * (restartmanager/restartmanager.go) decides.
 */

import type { ContainerRecord } from './record.ts';
import type { RestartPolicy } from './types.ts';

const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 60_000;
/** Who ran as long as this begins anew with the first delay. */
const STEADY_MS = 10_000;

/** Whether a container that has just ended is to be started again. */
export function restartsAfterExit(
  { name, maximumRetries }: RestartPolicy,
  { exitCode, stoppedByHand, restartCount }: Pick<ContainerRecord, 'exitCode' | 'stoppedByHand' | 'restartCount'>,
): boolean {
  if (stoppedByHand) return false;
  if (name === 'on-failure') return exitCode !== 0 && (maximumRetries === 0 || restartCount < maximumRetries);
  return name === 'always' || name === 'unless-stopped';
}

/** Whether a container that does not run is to be started when Pontoon is, as after a reboot. */
export function startsWithDaemon(
  { name }: RestartPolicy,
  { startedMs, stoppedByHand }: Pick<ContainerRecord, 'startedMs' | 'stoppedByHand'>,
): boolean {
  if (startedMs === undefined) return false;
  return name === 'always' || (name === 'unless-stopped' && !stoppedByHand);
}

/**
 * How long to wait before the next start.
 * @param lastMs the delay before the run that has just ended; undefined when somebody started it
 * @param ranMs how long that run was
 */
export function restartDelay(lastMs: number | undefined, ranMs: number): number {
  if (lastMs === undefined || ranMs >= STEADY_MS) return FIRST_DELAY_MS;
  return Math.min(lastMs * 2, LONGEST_DELAY_MS);
}
