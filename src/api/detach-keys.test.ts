import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { detachFilter, parseDetachKeys } from './detach-keys.ts';

describe('detach keys', () => {
  test('are read in Docker’s notation', () => {
    expect([...parseDetachKeys('ctrl-p,ctrl-q')]).toEqual([16, 17]);
    expect([...parseDetachKeys('ctrl-@,x,ctrl-[')]).toEqual([0, 120, 27]);
    expect(() => parseDetachKeys('ctrl-1')).toThrow(expect.objectContaining({ code: 'bad-value' }));
  });

  /** What goes through, and whether the keys were found. */
  async function typed(keys: string, chunks: readonly string[]): Promise<[string, boolean]> {
    let isDetached = false;
    const filter = detachFilter(parseDetachKeys(keys), () => {
      isDetached = true;
    });
    const through = await text(Readable.from(chunks.map((chunk) => Buffer.from(chunk))).pipe(filter));
    return [through, isDetached];
  }

  test.each([
    ['plain', ['plain'], 'plain', false],
    ['complete', ['ls\u0010\u0011'], 'ls', true],
    ['in two chunks', ['ls\u0010', '\u0011'], 'ls', true],
    ['broken', ['\u0010x'], '\u0010x', false],
    ['begun at the end', ['x\u0010'], 'x\u0010', false],
    ['begun anew', ['\u0010\u0010\u0011'], '\u0010', true],
  ] as const)('%s', async (_name, chunks, through, isDetached) => {
    expect(await typed('ctrl-p,ctrl-q', chunks)).toEqual([through, isDetached]);
  });

  test('one key is enough', async () => {
    expect(await typed('ctrl-x', ['a\u0018'])).toEqual(['a', true]);
  });
});
