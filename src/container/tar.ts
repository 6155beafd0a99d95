/**
 * @module Reading a tar that comes from anywhere: entry by entry, as it is or compressed, with one error for all ways
 * in which it can be damaged. What names in it mean is up to the caller.
 */

import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract, type Header } from 'tar-stream';
import { PontoonError } from '../errors.ts';
import { decompress } from './images/compression.ts';
import { badImage } from './images/oci.ts';

/** Calls `take` with each entry, one after the other. It must read the content whole. @throws PontoonError bad-image */
export async function readTar(
  source: Readable,
  take: (header: Header, content: AsyncIterable<unknown> & { resume(): unknown }) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  const entries = extract();
  const reading = pipeline(source, decompress, entries, signal === undefined ? {} : { signal });
  const taking = (async () => {
    for await (const entry of entries) await take(entry.header, entry);
  })();
  try {
    // The one that fails first says why; the other one only notices.
    await Promise.all([reading, taking]).finally(() => Promise.allSettled([reading, taking]));
  } catch (cause) {
    if (PontoonError.is(cause, 'bad-image')) throw badImage(`the archive: ${cause.message}`, cause);
    if (isTarError(cause)) throw badImage(`the archive is damaged: ${(cause as Error).message}`, cause);
    throw cause;
  }
}

/** tar-stream has no codes for its errors. */
function isTarError(error: unknown): boolean {
  return error instanceof Error && /^Invalid .*header|^Unexpected end of data|^Header exceeds/i.test(error.message);
}
