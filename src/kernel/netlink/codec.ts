/**
 * @module The netlink wire format: messages of a 16-byte header, a fixed part, and nested type-length-value attributes.
 *
 * Pure: bytes in, bytes out. Numbers are in host byte order unless a name says otherwise; Pontoon runs on
 * little-endian hosts (x86-64, arm64), which test/kernel/headers.test.ts checks.
 * @see linux/netlink.h, Documentation/userspace-api/netlink/intro.rst
 */

import { PontoonError } from '../../errors.ts';
import { NLA_F_NESTED } from '../uapi/netlink.ts';

/** sizeof(struct nlmsghdr) */
export const HEADER_BYTES = 16;
const ATTRIBUTE_HEADER_BYTES = 4;
const TYPE_MASK = 0x3fff;

const align = (length: number): number => (length + 3) & ~3;

/** One received message; `payload` starts behind the header. */
export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly port: number;
  readonly payload: Buffer;
}

/** Writes messages one behind the other into one buffer that grows as needed. */
export class MessageWriter {
  #buffer: Buffer;
  #length = 0;
  #messageStart = -1;

  constructor(capacity = 1024) {
    this.#buffer = Buffer.allocUnsafe(capacity);
  }

  /** All that was written, the length of the last message filled in. Valid until the next write. */
  finish(): Buffer {
    this.#closeMessage();
    return this.#buffer.subarray(0, this.#length);
  }

  /** Begins a message; whatever follows belongs to it. */
  message(type: number, flags: number, sequence: number, port = 0): this {
    this.#closeMessage();
    this.#messageStart = this.#length;
    const at = this.#reserve(HEADER_BYTES);
    this.#buffer.writeUInt16LE(type, at + 4);
    this.#buffer.writeUInt16LE(flags, at + 6);
    this.#buffer.writeUInt32LE(sequence, at + 8);
    this.#buffer.writeUInt32LE(port, at + 12);
    return this;
  }

  /** The fixed part behind the header, such as struct ifinfomsg. */
  fixed(bytes: Uint8Array): this {
    const at = this.#reserve(bytes.length);
    this.#buffer.set(bytes, at);
    return this;
  }

  u8(type: number, value: number): this {
    const at = this.#attribute(type, 1);
    this.#buffer[at] = value;
    return this;
  }

  u16(type: number, value: number): this {
    this.#attributeView(type, 2, (at) => this.#buffer.writeUInt16LE(value, at));
    return this;
  }

  u16be(type: number, value: number): this {
    this.#attributeView(type, 2, (at) => this.#buffer.writeUInt16BE(value, at));
    return this;
  }

  u32(type: number, value: number): this {
    this.#attributeView(type, 4, (at) => this.#buffer.writeUInt32LE(value >>> 0, at));
    return this;
  }

  u32be(type: number, value: number): this {
    this.#attributeView(type, 4, (at) => this.#buffer.writeUInt32BE(value >>> 0, at));
    return this;
  }

  u64be(type: number, value: bigint): this {
    this.#attributeView(type, 8, (at) => this.#buffer.writeBigUInt64BE(value, at));
    return this;
  }

  /** A signed 32-bit number, such as a file descriptor. */
  s32(type: number, value: number): this {
    this.#attributeView(type, 4, (at) => this.#buffer.writeInt32LE(value, at));
    return this;
  }

  bytes(type: number, value: Uint8Array): this {
    const at = this.#attribute(type, value.length);
    this.#buffer.set(value, at);
    return this;
  }

  /** A NUL-terminated string. */
  string(type: number, value: string): this {
    const length = Buffer.byteLength(value);
    const at = this.#attribute(type, length + 1);
    this.#buffer.write(value, at);
    this.#buffer[at + length] = 0;
    return this;
  }

  /** An attribute without a value. */
  flag(type: number): this {
    this.#attribute(type, 0);
    return this;
  }

  /** Attributes inside an attribute. */
  nest(type: number, write: (nested: this) => void): this {
    const start = this.#reserve(ATTRIBUTE_HEADER_BYTES);
    this.#buffer.writeUInt16LE(type | NLA_F_NESTED, start + 2);
    write(this);
    this.#buffer.writeUInt16LE(this.#length - start, start);
    return this;
  }

  #attributeView(type: number, length: number, write: (at: number) => void): void {
    write(this.#attribute(type, length));
  }

  /**
   * Appends an attribute's header and its zeroed, padded space; returns where the value goes. The buffer may be another
   * one afterwards, so that it must be named only then.
   */
  #attribute(type: number, length: number): number {
    const at = this.#reserve(ATTRIBUTE_HEADER_BYTES + length);
    this.#buffer.writeUInt16LE(ATTRIBUTE_HEADER_BYTES + length, at);
    this.#buffer.writeUInt16LE(type, at + 2);
    return at + ATTRIBUTE_HEADER_BYTES;
  }

  #reserve(length: number): number {
    const at = this.#length;
    const end = at + align(length);
    if (end > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(end, this.#buffer.length * 2));
      this.#buffer.copy(larger, 0, 0, at);
      this.#buffer = larger;
    }
    this.#buffer.fill(0, at, end);
    this.#length = end;
    return at;
  }

  #closeMessage(): void {
    if (this.#messageStart < 0) return;
    this.#buffer.writeUInt32LE(this.#length - this.#messageStart, this.#messageStart);
    this.#messageStart = -1;
  }
}

/** Splits a datagram into its messages. @throws PontoonError kernel, when a length is impossible */
export function* readMessages(datagram: Buffer): Generator<NetlinkMessage> {
  let at = 0;
  while (at + HEADER_BYTES <= datagram.length) {
    const length = datagram.readUInt32LE(at);
    if (length < HEADER_BYTES || at + length > datagram.length) {
      throw new PontoonError('kernel', `netlink message of ${length} bytes in ${datagram.length - at}: torn datagram`);
    }
    yield {
      type: datagram.readUInt16LE(at + 4),
      flags: datagram.readUInt16LE(at + 6),
      sequence: datagram.readUInt32LE(at + 8),
      port: datagram.readUInt32LE(at + 12),
      payload: datagram.subarray(at + HEADER_BYTES, at + length),
    };
    at += align(length);
  }
}

/** The attributes of a message or of a nest, by type. When a type occurs twice, the last one counts, as in the kernel. */
export class Attributes {
  readonly #values = new Map<number, Buffer>();

  constructor(bytes: Buffer, offset = 0) {
    for (const [type, value] of readAttributes(bytes, offset)) this.#values.set(type, value);
  }

  has(type: number): boolean {
    return this.#values.has(type);
  }

  bytes(type: number): Buffer | undefined {
    return this.#values.get(type);
  }

  u8(type: number): number | undefined {
    return this.#sized(type, 1)?.readUInt8();
  }

  u16(type: number): number | undefined {
    return this.#sized(type, 2)?.readUInt16LE();
  }

  u16be(type: number): number | undefined {
    return this.#sized(type, 2)?.readUInt16BE();
  }

  u32(type: number): number | undefined {
    return this.#sized(type, 4)?.readUInt32LE();
  }

  s32(type: number): number | undefined {
    return this.#sized(type, 4)?.readInt32LE();
  }

  u32be(type: number): number | undefined {
    return this.#sized(type, 4)?.readUInt32BE();
  }

  u64(type: number): bigint | undefined {
    return this.#sized(type, 8)?.readBigUInt64LE();
  }

  string(type: number): string | undefined {
    const value = this.#values.get(type);
    if (value === undefined) return undefined;
    const end = value.indexOf(0);
    return value.toString('utf8', 0, end < 0 ? value.length : end);
  }

  nested(type: number): Attributes | undefined {
    const value = this.#values.get(type);
    return value === undefined ? undefined : new Attributes(value);
  }

  #sized(type: number, length: number): Buffer | undefined {
    const value = this.#values.get(type);
    return value !== undefined && value.length >= length ? value : undefined;
  }
}

/** The attributes in order, for lists whose element types repeat. A torn tail ends the list, as in the kernel. */
export function* readAttributes(bytes: Buffer, offset = 0): Generator<[type: number, value: Buffer]> {
  let at = offset;
  while (at + ATTRIBUTE_HEADER_BYTES <= bytes.length) {
    const length = bytes.readUInt16LE(at);
    if (length < ATTRIBUTE_HEADER_BYTES || at + length > bytes.length) return;
    yield [bytes.readUInt16LE(at + 2) & TYPE_MASK, bytes.subarray(at + ATTRIBUTE_HEADER_BYTES, at + length)];
    at += align(length);
  }
}

/** One number out of a list of attributes, without reading the others: for long dumps of which little is wanted. */
export function findU32(bytes: Buffer, offset: number, type: number): number | undefined {
  for (let at = offset; at + ATTRIBUTE_HEADER_BYTES <= bytes.length; ) {
    const length = bytes.readUInt16LE(at);
    if (length < ATTRIBUTE_HEADER_BYTES || at + length > bytes.length) return undefined;
    if ((bytes.readUInt16LE(at + 2) & TYPE_MASK) === type) {
      return length < ATTRIBUTE_HEADER_BYTES + 4 ? undefined : bytes.readUInt32LE(at + ATTRIBUTE_HEADER_BYTES);
    }
    at += align(length);
  }
  return undefined;
}
