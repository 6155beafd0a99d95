import { Readable, Writable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { demultiplex } from './demultiplex.ts';

function collector(): Writable & { text: () => string } {
  const chunks: Buffer[] = [];
  const sink = new Writable({
    highWaterMark: 4,
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      setImmediate(done);
    },
  });
  return Object.assign(sink, { text: () => Buffer.concat(chunks).toString() });
}

describe('demultiplex', () => {
  test('takes frames apart, wherever they are cut', async () => {
    const frame = fc.record({ stream: fc.constantFrom(1, 2), data: fc.string({ maxLength: 20 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(frame), fc.integer({ min: 1, max: 13 }), async (frames, step) => {
        const bytes = Buffer.concat(
          frames.map(({ stream, data }) => {
            const header = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0]);
            header.writeUInt32BE(Buffer.byteLength(data), 4);
            return Buffer.concat([header, Buffer.from(data)]);
          }),
        );
        const pieces = Array.from({ length: Math.ceil(bytes.length / step) }, (_, index) =>
          bytes.subarray(index * step, (index + 1) * step),
        );
        const [stdout, stderr] = [collector(), collector()];
        await demultiplex(Readable.from(pieces), stdout, stderr);
        await Promise.all([stdout, stderr].map((sink) => new Promise<void>((resolve) => sink.end(resolve))));
        const of = (wanted: number) =>
          frames
            .filter(({ stream }) => stream === wanted)
            .map(({ data }) => data)
            .join('');
        expect([stdout.text(), stderr.text()]).toEqual([of(1), of(2)]);
      }),
      { numRuns: 50 },
    );
  });
});
