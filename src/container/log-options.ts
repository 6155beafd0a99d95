/**
 * @module Options of a container's log, as `--log-opt` gives them.
 *
 * `max-size` is where conmon begins the log anew. There is one file: what `max-file` says beyond that is not kept.
 */

import { PontoonError } from '../errors.ts';

const UNITS = ['', 'k', 'm', 'g', 't'];

/** In bytes; undefined: no limit. @throws PontoonError bad-value */
export function logSizeBytes(options: Readonly<Record<string, string>> = {}): number | undefined {
  const text = options['max-size'];
  if (text === undefined || text === '-1') return undefined;
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?$/.exec(text.toLowerCase()) ?? [];
  const bytes = Math.floor(Number(number) * 1024 ** UNITS.indexOf(unit));
  if (number !== '' && bytes > 0) return bytes;
  throw new PontoonError('bad-value', `invalid value for max-size: "${text}": say a size such as 10m`, {
    subject: 'max-size',
  });
}
