/**
 * @module Whole numbers of 64 bits in JSON: JavaScript's own have 53, and other languages read all of them.
 */

const LARGEST = 2n ** 64n - 1n;

/** A value that JSON.stringify writes with all its digits; a larger one is written as 2^64 - 1. */
export function exactNumber(value: bigint): unknown {
  // The types do not know it yet. @see https://github.com/tc39/proposal-json-parse-with-source
  const json = JSON as unknown as { rawJSON(text: string): unknown };
  return json.rawJSON(String(value > LARGEST ? LARGEST : value));
}
