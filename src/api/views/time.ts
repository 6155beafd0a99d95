/** @module Times, as Docker writes them. */

/** How Docker writes that something has not happened. */
const NEVER = '0001-01-01T00:00:00Z';

/** RFC 3339, from milliseconds since 1970. */
export function timestamp(ms: number | undefined): string {
  return ms === undefined ? NEVER : new Date(ms).toISOString();
}

/** Unix seconds. */
export function unixSeconds(ms: number): number {
  return Math.floor(ms / 1000);
}
