/**
 * @module Delays of any length. Node's timers take whole milliseconds and fire at once where they are asked for more than
 * 2^31 - 1 of them, which users do who mean "never"; AbortSignal.timeout throws at some.
 */

/** Nearly 25 days: what is meant to be later comes then. */
const LONGEST_MS = 2 ** 31 - 1;

/** What a timer can be given: a negative delay is none. */
export function delayMs(ms: number): number {
  return Math.min(Math.max(0, Math.ceil(ms)), LONGEST_MS);
}

/** Aborts after a delay of any length. */
export function abortAfter(ms: number): AbortSignal {
  return AbortSignal.timeout(delayMs(ms));
}
