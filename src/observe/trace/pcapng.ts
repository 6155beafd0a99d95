/**
 * @module A capture file that Wireshark opens: one interface for each place, with its name and comments on frames.
 * @see draft-ietf-opsawg-pcapng: section header, interface description, enhanced packet, interface statistics blocks
 */

export interface CapturedInterface {
  readonly name: string;
  readonly description: string;
}

export interface CapturedFrame {
  /** The index in the list of interfaces. */
  readonly interface: number;
  readonly timestampNs: bigint;
  readonly bytes: Buffer;
  readonly lengthBytes: number;
  readonly outgoing: boolean;
  readonly comment?: string;
}

const ETHERNET = 1;
const SNAPSHOT_BYTES = 262_144;

export function encodePcapng(
  interfaces: readonly CapturedInterface[],
  frames: readonly CapturedFrame[],
  comment: string,
): Buffer {
  const section = Buffer.alloc(16);
  section.writeUInt32LE(0x1a2b3c4d, 0);
  section.writeUInt16LE(1, 4);
  section.writeBigInt64LE(-1n, 8);
  return Buffer.concat([
    block(
      0x0a0d0d0a,
      Buffer.concat([
        section,
        options([
          [1, comment],
          [4, 'pontoon trace'],
        ]),
      ]),
    ),
    ...interfaces.map(({ name, description }) => {
      const head = Buffer.alloc(8);
      head.writeUInt16LE(ETHERNET, 0);
      head.writeUInt32LE(SNAPSHOT_BYTES, 4);
      return block(
        1,
        Buffer.concat([
          head,
          options([
            [2, name],
            [3, description],
            [9, Buffer.from([9])],
          ]),
        ]),
      );
    }),
    ...frames.map((frame) => {
      const head = Buffer.alloc(20);
      head.writeUInt32LE(frame.interface, 0);
      head.writeUInt32LE(Number(frame.timestampNs >> 32n), 4);
      head.writeUInt32LE(Number(frame.timestampNs & 0xffffffffn), 8);
      head.writeUInt32LE(frame.bytes.length, 12);
      head.writeUInt32LE(frame.lengthBytes, 16);
      const flags = Buffer.alloc(4);
      flags.writeUInt32LE(frame.outgoing ? 2 : 1, 0);
      const more: [number, string | Buffer][] = frame.comment === undefined ? [] : [[1, frame.comment]];
      return block(6, Buffer.concat([head, padded(frame.bytes), options([...more, [2, flags]])]));
    }),
  ]);
}

function block(type: number, body: Buffer): Buffer {
  const length = 12 + body.length;
  const head = Buffer.alloc(8);
  head.writeUInt32LE(type, 0);
  head.writeUInt32LE(length, 4);
  const tail = Buffer.alloc(4);
  tail.writeUInt32LE(length, 0);
  return Buffer.concat([head, body, tail]);
}

function options(list: readonly (readonly [code: number, value: string | Buffer])[]): Buffer {
  const encoded = list.map(([code, value]) => {
    const bytes = Buffer.from(value as string);
    const head = Buffer.alloc(4);
    head.writeUInt16LE(code, 0);
    head.writeUInt16LE(bytes.length, 2);
    return Buffer.concat([head, padded(bytes)]);
  });
  return Buffer.concat([...encoded, Buffer.alloc(4)]);
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}
