/**
 * @module How a container's log is kept, and its options, as `--log-driver` and `--log-opt` give them.
 *
 * `max-size` is where conmon begins the log anew. There is one file: what `max-file` says beyond that is not kept.
 */

import { PontoonError } from '../errors.ts';
import { parseSizeBytes } from '../text/sizes.ts';

/** How logs are kept: 'local' is the same as the first, which is the default. */
export const LOG_DRIVERS = ['json-file', 'local', 'none'] as const;
export const [USUAL_LOG_DRIVER] = LOG_DRIVERS;
/** What Docker's drivers know. All but `max-size` change nothing here. */
export const LOG_OPTIONS: readonly string[] =
  'max-size max-file compress labels labels-regex env env-regex tag mode max-buffer-size'.split(' ');

/** In bytes; undefined: no limit. @throws PontoonError bad-value */
export function logSizeBytes(options: Readonly<Record<string, string>> = {}): number | undefined {
  const text = options['max-size'];
  if (text === undefined || text === '-1') return undefined;
  const bytes = parseSizeBytes(text) ?? 0;
  if (bytes > 0) return bytes;
  throw new PontoonError('bad-value', `invalid value for max-size: "${text}": say a size such as 10m`, {
    subject: 'max-size',
  });
}
