/** @module Doing several things at once where none may be at work any more when a failure is told. */

/** Waits for all, then throws the first error. */
export async function allOrFirstError<T extends readonly unknown[]>(
  promises: {
    readonly [K in keyof T]: Promise<T[K]>;
  },
): Promise<T> {
  await Promise.allSettled(promises);
  return (await Promise.all(promises)) as unknown as T;
}
