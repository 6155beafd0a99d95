import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FrameReader, frame } from './framing.ts';

test('messages come out whole, however the stream is cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1 }),
      (messages, cuts) => {
        const stream = Buffer.concat(messages.map((message) => frame(Buffer.from(message))));
        const reader = new FrameReader(300);
        const received: Buffer[] = [];
        for (let offset = 0, i = 0; offset < stream.length; i++) {
          const end = offset + (cuts[i % cuts.length] as number);
          received.push(...reader.push(stream.subarray(offset, end)));
          offset = end;
        }
        expect(received.map((message) => message.toString('hex'))).toEqual(
          messages.map((message) => Buffer.from(message).toString('hex')),
        );
      },
    ),
  );
});

test('a message longer than allowed is refused as soon as it is announced', () => {
  const reader = new FrameReader(100);
  expect([...reader.push(Buffer.of(0))]).toEqual([]);
  expect(() => [...reader.push(Buffer.of(101))]).toThrow(RangeError);
});
