import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PontoonError } from '../../errors.ts';
import { NLA_F_NESTED } from '../uapi/netlink.ts';
import { Attributes, HEADER_BYTES, MessageWriter, readAttributes, readMessages } from './codec.ts';

/** One attribute to write; a nest holds others. */
type Item =
  | { kind: 'u8' | 'u16' | 'u16be' | 'u32' | 'u32be' | 's32'; type: number; value: number }
  | { kind: 'u64be'; type: number; value: bigint }
  | { kind: 'bytes'; type: number; value: Uint8Array }
  | { kind: 'string'; type: number; value: string }
  | { kind: 'flag'; type: number }
  | { kind: 'nest'; type: number; items: Item[] };

const type = fc.integer({ min: 1, max: 0x3fff });
const number = (kind: 'u8' | 'u16' | 'u16be' | 'u32' | 'u32be' | 's32', min: number, max: number) =>
  fc.record({ kind: fc.constant(kind), type, value: fc.integer({ min, max }) });

const { item } = fc.letrec<{ item: Item }>((tie) => ({
  item: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    number('u8', 0, 0xff),
    number('u16', 0, 0xffff),
    number('u16be', 0, 0xffff),
    number('u32', 0, 0xffff_ffff),
    number('u32be', 0, 0xffff_ffff),
    number('s32', -0x8000_0000, 0x7fff_ffff),
    fc.record({ kind: fc.constant('u64be' as const), type, value: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) }),
    fc.record({ kind: fc.constant('bytes' as const), type, value: fc.uint8Array({ maxLength: 300 }) }),
    fc.record({
      kind: fc.constant('string' as const),
      type,
      value: fc.string({ unit: 'binary' }).filter((text) => !text.includes('\0')),
    }),
    fc.record({ kind: fc.constant('flag' as const), type }),
    fc.record({
      kind: fc.constant('nest' as const),
      type,
      items: fc.array(tie('item') as fc.Arbitrary<Item>, { maxLength: 5 }),
    }),
  ) as fc.Arbitrary<Item>,
}));
/** Types are unique in a list, so that each is found by its type. */
const items = fc.uniqueArray(item, { selector: (one) => one.type, maxLength: 12 });

function write(writer: MessageWriter, item: Item): void {
  switch (item.kind) {
    case 'flag':
      writer.flag(item.type);
      break;
    case 'nest':
      writer.nest(item.type, (nested) => {
        for (const inner of item.items) write(nested, inner);
      });
      break;
    case 'u64be':
      writer.u64be(item.type, item.value);
      break;
    case 'bytes':
      writer.bytes(item.type, item.value);
      break;
    case 'string':
      writer.string(item.type, item.value);
      break;
    default:
      writer[item.kind](item.type, item.value);
  }
}

function expectItem(attributes: Attributes, item: Item): void {
  switch (item.kind) {
    case 'flag':
      expect(attributes.bytes(item.type)?.length).toBe(0);
      break;
    case 'nest': {
      const inner = [...readAttributes(attributes.bytes(item.type)!)];
      expect(inner.map(([type]) => type)).toEqual(item.items.map(({ type }) => type));
      break;
    }
    case 'u64be':
      expect(attributes.bytes(item.type)?.readBigUInt64BE()).toBe(item.value);
      break;
    case 'bytes':
      expect(Buffer.compare(attributes.bytes(item.type)!, item.value)).toBe(0);
      break;
    case 'string':
      expect(attributes.string(item.type)).toBe(Buffer.from(item.value).toString());
      break;
    default:
      expect(attributes[item.kind](item.type)).toBe(item.value);
  }
}

const message = fc.record({
  type: fc.integer({ min: 0, max: 0xffff }),
  flags: fc.integer({ min: 0, max: 0xffff }),
  sequence: fc.integer({ min: 0, max: 0xffff_ffff }),
  port: fc.integer({ min: 0, max: 0xffff_ffff }),
  header: fc.uint8Array({ maxLength: 16 }).map((bytes) => bytes.subarray(0, bytes.length & ~3)),
  items,
});

describe('messages', () => {
  test('what is written is read back, whatever the capacity of the writer', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 6 }), fc.integer({ min: 1, max: 4096 }), (messages, capacity) => {
        const writer = new MessageWriter(capacity);
        for (const { type, flags, sequence, port, header, items } of messages) {
          writer.message(type, flags, sequence, port).fixed(header);
          for (const item of items) write(writer, item);
        }
        const read = [...readMessages(writer.finish())];
        expect(read.length).toBe(messages.length);
        read.forEach((one, index) => {
          const { header, items, ...fields } = messages[index]!;
          expect(one).toMatchObject(fields);
          expect(Buffer.compare(one.payload.subarray(0, header.length), header)).toBe(0);
          const attributes = new Attributes(one.payload, header.length);
          for (const item of items) expectItem(attributes, item);
        });
      }),
    );
  });

  test('arbitrary bytes are read or refused, and reading ends', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 512 }), (bytes) => {
        try {
          for (const { payload } of readMessages(Buffer.from(bytes))) readEverything(payload);
        } catch (error) {
          expect(PontoonError.is(error, 'kernel')).toBe(true);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('a datagram that was cut or changed is read or refused, and reading ends', () => {
    fc.assert(
      fc.property(
        message,
        fc.nat(),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
        (one, cut, changes) => {
          const writer = new MessageWriter().message(one.type, one.flags, one.sequence, one.port).fixed(one.header);
          for (const item of one.items) write(writer, item);
          const datagram = Buffer.from(writer.finish());
          for (const [at, value] of changes) datagram[at % datagram.length] = value;
          try {
            const kept = datagram.subarray(0, cut % (datagram.length + 1));
            for (const { payload } of readMessages(kept)) readEverything(payload);
          } catch (error) {
            expect(PontoonError.is(error, 'kernel')).toBe(true);
          }
        },
      ),
      { numRuns: 1000 },
    );
  });

  test('a length of less than a header or more than the datagram is refused', () => {
    for (const length of [0, 15, 17, 0xffff_ffff]) {
      const datagram = Buffer.alloc(HEADER_BYTES);
      datagram.writeUInt32LE(length);
      expect(() => [...readMessages(datagram)]).toThrow(/torn datagram/);
    }
  });
});

describe('attributes', () => {
  test('the flags in a type are not part of it', () => {
    const nested = new MessageWriter()
      .message(0, 0, 0)
      .nest(7, (inner) => inner.u32(1, 42))
      .finish();
    const payload = nested.subarray(HEADER_BYTES);
    expect(payload.readUInt16LE(2)).toBe(7 | NLA_F_NESTED);
    expect(new Attributes(payload).nested(7)?.u32(1)).toBe(42);
  });

  test('of two with one type, the last counts', () => {
    const payload = new MessageWriter().message(0, 0, 0).u8(1, 1).u8(1, 2).finish().subarray(HEADER_BYTES);
    expect(new Attributes(payload).u8(1)).toBe(2);
  });

  test('a value that is too short for what is asked is as absent', () => {
    const payload = new MessageWriter().message(0, 0, 0).u8(1, 1).finish().subarray(HEADER_BYTES);
    const attributes = new Attributes(payload);
    expect([attributes.u16(1), attributes.u32(1), attributes.s32(1), attributes.u64(1)]).toEqual(
      Array(4).fill(undefined),
    );
    expect(attributes.has(1)).toBe(true);
  });

  test('padding between attributes is zero, also where the buffer held something before', () => {
    const writer = new MessageWriter(4);
    writer
      .message(0xffff, 0xffff, 0xffff_ffff)
      .string(1, 'x')
      .bytes(2, Buffer.from([1, 2, 3]))
      .u8(3, 255);
    expect(writer.finish().toString('hex', HEADER_BYTES)).toBe('0600010078000000070002000102030005000300ff000000');
  });
});

/** Reads all attributes as everything that they might be. */
function readEverything(payload: Buffer): void {
  const attributes = new Attributes(payload);
  for (const [type, value] of readAttributes(payload)) {
    for (const read of ['u8', 'u16', 'u16be', 'u32', 'u32be', 's32', 'u64', 'string', 'nested'] as const) {
      attributes[read](type);
    }
    if (value.length < payload.length) readEverything(value);
  }
}
