/**
 * @module Health checks as execs in the container.
 */

import { type Context, emit } from './context.ts';
import type { Entry } from './entry.ts';
import { runCommand } from './execs.ts';
import { checkCommand, HealthMonitor, type HealthResult } from './health.ts';

/** Docker keeps so much of what a check writes. */
const OUTPUT_BYTES = 4096;

/** Begins to check a container that has just started; undefined when it has no check. */
export function monitorHealth(context: Context, entry: Entry): HealthMonitor | undefined {
  const { name, spec, startedMs = Date.now() } = entry.record;
  const command = spec.healthcheck && checkCommand(spec.healthcheck);
  if (spec.healthcheck === undefined || command === undefined) return undefined;
  return new HealthMonitor({
    spec: spec.healthcheck,
    startedMs,
    check: (timeoutMs, signal) => check(context, entry, command, timeoutMs, signal),
    isPaused: () => entry.record.phase === 'paused',
    pauses: () => entry.pauses,
    onStatus: (status) => emit(context, entry, `health_status: ${status}`),
    onError: (error) => context.log.error(`the health check of ${name} ended: ${error.message}`),
  });
}

async function check(
  context: Context,
  entry: Entry,
  command: readonly string[],
  timeoutMs: number,
  signal: AbortSignal,
): Promise<HealthResult> {
  const startMs = Date.now();
  const result = await runCheck(context, entry, command, timeoutMs, signal);
  return { startMs, endMs: Date.now(), ...result };
}

/** One that cannot even be started is a failure too. */
async function runCheck(
  context: Context,
  entry: Entry,
  command: readonly string[],
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Pick<HealthResult, 'exitCode' | 'output'>> {
  try {
    const { exitCode, output } = await runCommand(context, entry, command, { bytes: OUTPUT_BYTES, timeoutMs, signal });
    if (exitCode !== undefined) return { exitCode, output };
    return { exitCode: -1, output: `Health check exceeded timeout (${timeoutMs / 1000}s): ${output}` };
  } catch (error) {
    return { exitCode: -1, output: (error as Error).message };
  }
}
