/**
 * @module Values as Go's programs read them, wherever one is written: durations, sizes and Booleans.
 * @see Go's time.ParseDuration and strconv.ParseBool; docker/go-units, RAMInBytes
 */

import { PontoonError } from '../errors.ts';

const NANOSECONDS = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 } as const;
const DURATION = /^(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h))+$/;
const DURATION_PART = /([\d.]+)([a-zµ]+)/g;

/** '1m30s' → nanoseconds; undefined for what is no duration. */
export function readDuration(text: string): number | undefined {
  if (text === '0') return 0;
  if (!DURATION.test(text)) return undefined;
  return [...text.matchAll(DURATION_PART)].reduce(
    (sum, [, count, unit]) => sum + Math.round(Number(count) * NANOSECONDS[unit as keyof typeof NANOSECONDS]),
    0,
  );
}

/** '1m30s' → nanoseconds. @throws PontoonError bad-value */
export function parseDuration(text: string): number {
  const nanoseconds = readDuration(text);
  if (nanoseconds !== undefined) return nanoseconds;
  throw new PontoonError('bad-value', `cannot read the duration '${text}': write it as 30s, 1m30s or 500ms`, {
    subject: text,
  });
}

const POWERS = ['', 'k', 'm', 'g', 't', 'p'];

/** '512m', '1.5g', '100kb', '64MiB': powers of 1024. @throws PontoonError bad-value */
export function parseBytes(text: string): number {
  const [, number, power] = /^(\d+(?:\.\d+)?) ?([kmgtp]?)(?:i?b)?$/.exec(text.toLowerCase()) ?? [];
  if (number === undefined) {
    throw new PontoonError('bad-value', `cannot read the size '${text}': write bytes, or a number and k, m or g`, {
      subject: text,
    });
  }
  return Math.trunc(Number(number) * 1024 ** POWERS.indexOf(power ?? ''));
}

/** undefined for what is no Boolean. */
export function readBoolean(text: string): boolean | undefined {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true;
  return ['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text) ? false : undefined;
}
