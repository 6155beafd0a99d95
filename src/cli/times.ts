/**
 * @module Points in time as --since takes them, in Docker's way: so long ago (10m, 1h30m), a date, or Unix seconds.
 */

import { PontoonError } from '../errors.ts';
import { parseDurationNs } from '../text/durations.ts';

/**
 * Milliseconds since 1970. A date without a zone is in local time, one without a time in UTC (ECMA-262, 21.4.1.32).
 * @throws PontoonError bad-value
 */
export function parseTime(text: string, nowMs = Date.now()): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Math.floor(Number(text) * 1000);
  const ago = parseDurationNs(text);
  if (ago !== undefined) return Math.floor(nowMs - ago / 1e6);
  const date = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(date)) return date;
  throw new PontoonError(
    'bad-value',
    `cannot read the time '${text}': write how long ago (10m, 1h30m), a date (2025-01-31T12:00:00Z), or Unix seconds`,
    { subject: text },
  );
}

/** A time as the API takes it: Unix seconds with a fraction; undefined stays. @throws PontoonError bad-value */
export function timeOf(text: string | undefined): string | undefined {
  if (text === undefined || /^\d+(\.\d+)?$/.test(text)) return text;
  return (parseTime(text) / 1000).toFixed(3);
}
