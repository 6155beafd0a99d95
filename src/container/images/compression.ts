/**
 * @module How archives and layers are compressed: told by their first bytes, as Docker does, not by what a manifest or
 * a file name claims.
 */

import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { badImage } from './oci.ts';

export type Compression = 'none' | 'gzip' | 'zstd';

const MAGIC: readonly (readonly [Compression | 'bzip2' | 'xz', readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a]],
];

/** @throws PontoonError bad-image for a compression that is not known here */
export function compressionOf(head: Uint8Array): Compression {
  const found = MAGIC.find(([, magic]) => magic.every((byte, at) => head[at] === byte))?.[0] ?? 'none';
  if (found === 'bzip2' || found === 'xz') {
    throw badImage(`it is compressed by ${found}, which Pontoon does not read: decompress it first (${found} -d)`);
  }
  return found;
}

/** The stream itself, or what it is when decompressed. @throws PontoonError bad-image where it is damaged */
export async function* decompress(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const chunks = source[Symbol.asyncIterator]();
  const first = await chunks.next();
  const head = first.done === true ? Buffer.alloc(0) : first.value;
  const compression = compressionOf(head);
  async function* whole() {
    yield head;
    yield* { [Symbol.asyncIterator]: () => chunks };
  }
  if (compression === 'none') {
    yield* whole();
    return;
  }
  const inflated = compression === 'gzip' ? createGunzip() : createZstdDecompress();
  const inflating = pipeline(whole, inflated);
  inflating.catch(() => {}); // awaited below; the reader of `inflated` may see it first
  try {
    yield* inflated;
    await inflating;
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? '';
    if (!/^(Z|ZSTD)_/.test(code)) throw cause;
    throw badImage(`it is damaged: ${(cause as Error).message} (${compression})`, cause);
  }
}
