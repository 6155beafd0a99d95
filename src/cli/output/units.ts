/**
 * @module Sizes and times as Docker writes them: '1.98MB', '7.57KiB', '2 minutes ago'.
 * @see docker/go-units: size.go, duration.go
 */

import { humanDuration } from '../../text/durations.ts';

const DECIMAL = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB', 'ZB', 'YB'];
const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB', 'ZiB', 'YiB'];

/** 1982256 → '1.98MB', with 4 digits where the list has them. */
export function humanSize(bytes: number, digits = 3): string {
  return scaled(bytes, 1000, DECIMAL, digits);
}

/** 7753 → '7.571KiB'. */
export function bytesSize(bytes: number): string {
  return scaled(bytes, 1024, BINARY, 4);
}

function scaled(bytes: number, step: number, units: readonly string[], digits: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= step && unit < units.length - 1) {
    value /= step;
    unit++;
  }
  return `${significant(value, digits)}${units[unit]}`;
}

/** C's %.{digits}g: no trailing zeros, and an exponent where the number has more digits. */
function significant(value: number, digits: number): string {
  const text = value.toPrecision(digits);
  const [mantissa = '', exponent] = text.split('e');
  const short = mantissa.includes('.') ? mantissa.replace(/\.?0+$/, '') : mantissa;
  return exponent === undefined ? short : `${short}e${exponent[0]}${exponent.slice(1).padStart(2, '0')}`;
}

/** Seconds since 1970 → '2 minutes ago'. */
export function ago(unixSeconds: number): string {
  return `${humanDuration(Date.now() - unixSeconds * 1000)} ago`;
}

/** Seconds since 1970 → '2026-11-21 06:03:28 +0000 UTC', in local time, as Go's Time.String. */
export function goTime(unixSeconds: number): string {
  const date = new Date(unixSeconds * 1000);
  const two = (value: number) => String(value).padStart(2, '0');
  const offset = -date.getTimezoneOffset();
  const distance = `${offset < 0 ? '-' : '+'}${two(Math.trunc(Math.abs(offset) / 60))}${two(Math.abs(offset) % 60)}`;
  const zone =
    offset === 0
      ? 'UTC'
      : (new Intl.DateTimeFormat('en', { timeZoneName: 'short' })
          .formatToParts(date)
          .find(({ type }) => type === 'timeZoneName')?.value ?? distance);
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())} ${distance} ${zone}`;
}
