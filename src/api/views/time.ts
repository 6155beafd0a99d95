/** @module Times and durations, as Docker writes them. */

/** How Docker writes that something has not happened. */
const NEVER = '0001-01-01T00:00:00Z';

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24;
const WEEK = 7 * DAY;
const MONTH = 30 * DAY;
const YEAR = 365 * DAY;

/** RFC 3339, from milliseconds since 1970. */
export function timestamp(ms: number | undefined): string {
  return ms === undefined ? NEVER : new Date(ms).toISOString();
}

/** Unix seconds. */
export function unixSeconds(ms: number): number {
  return Math.floor(ms / 1000);
}

/** "5 minutes", "About an hour" (docker/go-units, duration.go). */
export function humanDuration(ms: number): string {
  const seconds = Math.floor(Math.max(ms, 0) / 1000);
  if (seconds < 1) return 'Less than a second';
  if (seconds === 1) return '1 second';
  if (seconds < MINUTE) return `${seconds} seconds`;
  const minutes = Math.floor(seconds / MINUTE);
  if (minutes === 1) return 'About a minute';
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.floor(seconds / HOUR + 0.5);
  if (hours === 1) return 'About an hour';
  if (hours < 2 * DAY) return `${hours} hours`;
  if (hours < 2 * WEEK) return `${Math.floor(hours / DAY)} days`;
  if (hours < 2 * MONTH) return `${Math.floor(hours / WEEK)} weeks`;
  if (hours < 2 * YEAR) return `${Math.floor(hours / MONTH)} months`;
  return `${Math.floor(hours / YEAR)} years`;
}
