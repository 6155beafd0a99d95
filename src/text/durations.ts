/** @module Durations as Go reads them (time.ParseDuration) and as Docker tells them (docker/go-units, duration.go). */

const UNIT_NS = { ns: 1, us: 1e3, µs: 1e3, μs: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 } as const;
const PART = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g;

/** '24h', '1h30m', '10.5s' in nanoseconds; undefined for anything else. */
export function parseDurationNs(text: string): number | undefined {
  if (text === '0') return 0;
  const parts = [...text.matchAll(PART)];
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== text) return undefined;
  return parts.reduce(
    (sum, [, count, unit]) => sum + Math.round(Number(count) * UNIT_NS[unit as keyof typeof UNIT_NS]),
    0,
  );
}

/** '5 minutes', 'About an hour'. */
export function humanDuration(ms: number): string {
  const seconds = Math.trunc(ms / 1000);
  if (seconds < 1) return 'Less than a second';
  if (seconds === 1) return '1 second';
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.trunc(seconds / 60);
  if (minutes === 1) return 'About a minute';
  if (minutes < 60) return `${minutes} minutes`;
  const exactHours = ms / 3_600_000;
  const hours = Math.trunc(exactHours + 0.5);
  if (hours === 1) return 'About an hour';
  if (hours < 48) return `${hours} hours`;
  const days = Math.trunc(hours / 24);
  if (days < 2 * 7) return `${days} days`;
  if (days < 2 * 30) return `${Math.trunc(days / 7)} weeks`;
  if (days < 2 * 365) return `${Math.trunc(days / 30)} months`;
  return `${Math.trunc(exactHours / 24 / 365)} years`;
}
