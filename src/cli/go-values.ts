/** @module Values of flags as Go's programs read them, with an error that says how to write them. */

import { PontoonError } from '../errors.ts';
import { parseDurationNs } from '../text/durations.ts';
import { parseSizeBytes } from '../text/sizes.ts';

/** '1m30s' → nanoseconds. @throws PontoonError bad-value */
export function parseDuration(text: string): number {
  return read(parseDurationNs(text), `the duration '${text}'`, 'write it as 30s, 1m30s or 500ms');
}

/** '512m', '1.5g', '100kb', '64MiB': powers of 1024. @throws PontoonError bad-value */
export function parseBytes(text: string): number {
  return read(parseSizeBytes(text), `the size '${text}'`, 'write bytes, or a number and k, m or g');
}

function read<T>(value: T | undefined, what: string, advice: string): T {
  if (value !== undefined) return value;
  throw new PontoonError('bad-value', `cannot read ${what}: ${advice}`, { subject: what });
}
