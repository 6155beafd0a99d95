/**
 * @module Health checks: a command is run in the container again and again; after some failures in a row the container
 * is unhealthy, after one success healthy. As Docker has it (daemon/health.go): failures in the start period do not
 * count until one check has passed.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { delayMs } from './delays.ts';
import type { Health, HealthcheckSpec } from './types.ts';

const SECOND_NS = 1e9;
const DEFAULTS = { intervalNs: 30 * SECOND_NS, timeoutNs: 30 * SECOND_NS, startIntervalNs: 5 * SECOND_NS, retries: 3 };
const LOG_ENTRIES = 5;

export type HealthResult = Health['log'][number];

/** Runs one check. An exit code other than 0 is a failure. */
export type Check = (timeoutMs: number, signal: AbortSignal) => Promise<HealthResult>;

export interface HealthOptions {
  readonly spec: HealthcheckSpec;
  readonly startedMs: number;
  readonly check: Check;
  /** A paused container is left alone. */
  readonly isPaused: () => boolean;
  /** How often it was paused: a check that was frozen says nothing. */
  readonly pauses: () => number;
  readonly onStatus: (status: Health['status']) => void;
  readonly onError: (error: Error) => void;
}

/** The command of a check as a command line; undefined when there is none to run. */
export function checkCommand({ test }: HealthcheckSpec): readonly string[] | undefined {
  const [kind, ...words] = test;
  if (kind === 'CMD' && words.length > 0) return words;
  if (kind === 'CMD-SHELL') return ['/bin/sh', '-c', words.join(' ')];
  return undefined;
}

/** What a check's result makes of a container's health. Pure. */
export function judge(
  before: Health,
  result: HealthResult,
  { retries = 0, startPeriodNs = 0 }: HealthcheckSpec,
  startedMs: number,
): Health {
  const log = [...before.log, result].slice(-LOG_ENTRIES);
  if (result.exitCode === 0) return { status: 'healthy', failingStreak: 0, log };
  const starting = before.status === 'starting' && result.startMs - startedMs < startPeriodNs / 1e6;
  if (starting) return { ...before, log };
  const failingStreak = before.failingStreak + 1;
  const failed = failingStreak >= (retries || DEFAULTS.retries);
  return { status: failed ? 'unhealthy' : before.status, failingStreak, log };
}

export class HealthMonitor implements Disposable {
  readonly #end = new AbortController();
  #health: Health = { status: 'starting', failingStreak: 0, log: [] };

  /** Begins to check; the first check comes after one interval. */
  constructor(options: HealthOptions) {
    this.#run(options).catch((error: Error) => {
      if (!this.#end.signal.aborted) options.onError(error);
    });
  }

  get health(): Health {
    return this.#health;
  }

  [Symbol.dispose](): void {
    this.#end.abort();
  }

  async #run({ spec, startedMs, check, isPaused, pauses, onStatus }: HealthOptions): Promise<void> {
    const { signal } = this.#end;
    for (;;) {
      await sleep(delayMs(this.#intervalMs(spec, startedMs)), undefined, { signal, ref: false });
      if (isPaused()) continue;
      const before = pauses();
      const result = await check((spec.timeoutNs || DEFAULTS.timeoutNs) / 1e6, signal);
      signal.throwIfAborted();
      if (pauses() !== before) continue;
      const { status } = this.#health;
      this.#health = judge(this.#health, result, spec, startedMs);
      if (this.#health.status !== status) onStatus(this.#health.status);
    }
  }

  /** Checks come more often while the container may still be starting. */
  #intervalMs({ intervalNs, startIntervalNs, startPeriodNs = 0 }: HealthcheckSpec, startedMs: number): number {
    const normalMs = (intervalNs || DEFAULTS.intervalNs) / 1e6;
    const starting = this.#health.status === 'starting' && Date.now() - startedMs < startPeriodNs / 1e6;
    return starting ? Math.min(normalMs, (startIntervalNs || DEFAULTS.startIntervalNs) / 1e6) : normalMs;
  }
}
