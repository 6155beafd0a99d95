/**
 * @module What a full disk is called: one error for ENOSPC and EDQUOT, whoever met them.
 */

import { PontoonError } from '../errors.ts';

/** The error itself, or `disk-full` where that is what it means; `path` is what could not be written. */
export function diskError(error: unknown, path: string): unknown {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error;
  const message = `no space left on the file system of ${path}: make room, for example with "pontoon system prune"`;
  return new PontoonError('disk-full', message, { cause: error, subject: path });
}
