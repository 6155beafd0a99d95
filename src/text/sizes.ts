/** @module Sizes as Docker reads them (docker/go-units, size.go, RAMInBytes). */

const POWERS = ['', 'k', 'm', 'g', 't', 'p'];

/** '512m', '1.5g', '100kb', '64MiB', in powers of 1024; undefined for anything else. */
export function parseSizeBytes(text: string): number | undefined {
  const [, number, power = ''] = /^(\d+(?:\.\d+)?) ?([kmgtp]?)(?:i?b)?$/.exec(text.toLowerCase()) ?? [];
  return number === undefined ? undefined : Math.trunc(Number(number) * 1024 ** POWERS.indexOf(power));
}
