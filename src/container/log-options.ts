/**
 * @module How a container's log is kept, and its options, as `--log-driver` and `--log-opt` give them.
 *
 * `max-size` is where conmon begins the log anew. There is one file: what `max-file` says beyond that is not kept.
 */

import { PontoonError } from '../errors.ts';

/** How logs are kept: 'local' is the same as the first, which is the default. */
export const LOG_DRIVERS = ['json-file', 'local', 'none'] as const;
export const [USUAL_LOG_DRIVER] = LOG_DRIVERS;
/** What Docker's drivers know. All but `max-size` change nothing here. */
export const LOG_OPTIONS: readonly string[] =
  'max-size max-file compress labels labels-regex env env-regex tag mode max-buffer-size'.split(' ');

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
