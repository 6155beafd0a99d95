/**
 * @module The few statistics that the bench prints: medians, because a shared machine has outliers in one direction.
 */

/** The middle value; of an even count, the mean of the two in the middle. @throws RangeError for an empty list */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('median of nothing');
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The median of the values from number `first` to number `last`, counted from 1. */
export function medianOf(values: readonly number[], first: number, last: number): number {
  return median(values.slice(first - 1, last));
}

/** Milliseconds that an action takes. */
export async function timeMs(action: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await action();
  return performance.now() - start;
}

/**
 * Takes the measurements in turn (A B A B …), so that what else the machine does falls on all alike, and gives the median
 * of each, in the same order.
 */
export async function interleaved(rounds: number, measurements: readonly (() => Promise<number>)[]): Promise<number[]> {
  const values: number[][] = measurements.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, measure] of measurements.entries()) values[index]?.push(await measure());
  }
  return values.map(median);
}
