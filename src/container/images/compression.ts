/**
 * @module How archives and layers are compressed: told by their first bytes, as Docker does, not by what a manifest or
 * a file name claims.
 */

import type { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { PontoonError } from '../../errors.ts';
import { filterThrough } from '../programs.ts';
import { badImage } from './oci.ts';

export type Compression = 'none' | keyof typeof FORMATS;

type Source = () => AsyncIterable<Buffer>;

interface Format {
  /** What its files begin with. */
  readonly magic: readonly number[];
  readonly decompress: (source: Source) => AsyncIterable<Buffer>;
}

const FORMATS = {
  gzip: { magic: [0x1f, 0x8b], decompress: (source) => through(source, createGunzip()) },
  zstd: { magic: [0x28, 0xb5, 0x2f, 0xfd], decompress: (source) => through(source, createZstdDecompress()) },
  bzip2: { magic: [0x42, 0x5a, 0x68], decompress: (source) => filterThrough(source, 'bzip2', ['-dc']) },
  xz: { magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a], decompress: (source) => filterThrough(source, 'xz', ['-dc']) },
} satisfies Record<string, Format>;

export function compressionOf(head: Uint8Array): Compression {
  for (const [name, { magic }] of Object.entries(FORMATS)) {
    if (magic.every((byte, at) => head[at] === byte)) return name as Compression;
  }
  return 'none';
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
  try {
    yield* FORMATS[compression].decompress(whole);
  } catch (cause) {
    if (!tellsDamage(cause)) throw cause;
    throw badImage(`it is damaged: ${(cause as Error).message} (${compression})`, cause);
  }
}

async function* through(source: Source, inflater: Transform): AsyncGenerator<Buffer> {
  const inflating = pipeline(source, inflater);
  inflating.catch(() => {}); // awaited below; the reader of `inflater` may see it first
  yield* inflater;
  await inflating;
}

function tellsDamage(error: unknown): boolean {
  return PontoonError.is(error, 'program') || /^(Z|ZSTD)_/.test((error as NodeJS.ErrnoException).code ?? '');
}
