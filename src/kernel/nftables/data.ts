/**
 * @module The values of nftables: keys and data of set elements, operands of expressions, verdicts, comments.
 *
 * A value is a list of fields, each as people write it ('10.0.0.0/8', 'tcp', 80); on the wire they are concatenated,
 * each padded to 4 bytes. A field may stand for an interval, both of whose ends belong to it.
 * @see nft(8), DATA TYPES
 */

import { PontoonError } from '../../errors.ts';
import { parseAddress, parseInterfaceAddress } from '../inet.ts';
import type { MessageWriter } from '../netlink/codec.ts';
import * as nf from '../uapi/nf_tables.ts';

/** The sizes of the types of fields, by their names in nft. */
const FIELD_BYTES = { ipv4_addr: 4, ipv6_addr: 16, inet_proto: 1, inet_service: 2, ifname: 16 } as const;

export type FieldType = keyof typeof FIELD_BYTES;

/** One field: an address, a prefix, a protocol, a port, an interface name; or an interval, its ends included. */
export type Field = string | number | { readonly from: string | number; readonly to: string | number };

export type Verdict = 'accept' | 'drop' | 'continue' | 'return' | { readonly jump: string } | { readonly goto: string };

/** IANA protocol numbers. */
export const PROTOCOLS: Readonly<Record<string, number>> = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58, sctp: 132 };

const VERDICT_CODES = {
  accept: nf.NF_ACCEPT,
  drop: nf.NF_DROP,
  continue: nf.NFT_CONTINUE,
  return: nf.NFT_RETURN,
};
/** The comment of a rule or an element, in the user data that nft reads (libnftnl/udata.h). */
const UDATA_COMMENT = 0;
const COMMENT_MAX_BYTES = 128;

/** The size of a concatenation; every field but a lone one is padded to 4 bytes. */
function concatenatedBytes(types: readonly FieldType[]): number {
  return types.length === 1 ? FIELD_BYTES[types[0] as FieldType] : types.reduce((sum, type) => sum + padded(type), 0);
}

/** The first and the last value that the fields stand for; equal when none is an interval. @throws PontoonError bad-value, bad-address */
export function encodeFields(types: readonly FieldType[], fields: readonly Field[]): { first: Buffer; last: Buffer } {
  if (fields.length !== types.length) {
    throw new PontoonError('bad-value', `${fields.length} fields for ${types.join(' . ')}: give ${types.length}`);
  }
  const first = Buffer.alloc(concatenatedBytes(types));
  const last = Buffer.alloc(first.length);
  let at = 0;
  types.forEach((type, index) => {
    const ends = encodeField(type, fields[index] as Field);
    first.set(ends.first, at);
    last.set(ends.last, at);
    at += padded(type);
  });
  return { first, last };
}

/** The fields as nft writes them, for messages to people: '0.0.0.0/0 . tcp . 80-90'. */
export function formatFields(fields: readonly Field[]): string {
  return fields.map((field) => (typeof field === 'object' ? `${field.from}-${field.to}` : field)).join(' . ');
}

/** A value as a nested nft_data attribute. */
export function writeValue(message: MessageWriter, type: number, value: Uint8Array): void {
  message.nest(type, (data) => data.bytes(nf.NFTA_DATA_VALUE, value));
}

/** A verdict as a nested nft_data attribute. */
export function writeVerdict(message: MessageWriter, type: number, verdict: Verdict): void {
  message.nest(type, (data) =>
    data.nest(nf.NFTA_DATA_VERDICT, (nested) => {
      if (typeof verdict === 'string') nested.u32be(nf.NFTA_VERDICT_CODE, VERDICT_CODES[verdict]);
      else if ('jump' in verdict)
        nested.u32be(nf.NFTA_VERDICT_CODE, nf.NFT_JUMP).string(nf.NFTA_VERDICT_CHAIN, verdict.jump);
      else nested.u32be(nf.NFTA_VERDICT_CODE, nf.NFT_GOTO).string(nf.NFTA_VERDICT_CHAIN, verdict.goto);
    }),
  );
}

/** User data with a comment, such as nft shows behind a rule or an element. @throws PontoonError bad-value */
export function encodeComment(comment: string): Buffer {
  const text = Buffer.from(`${comment}\0`);
  if (text.length > COMMENT_MAX_BYTES) {
    throw new PontoonError('bad-value', `comment '${comment}' is too long: at most ${COMMENT_MAX_BYTES - 1} bytes`);
  }
  return Buffer.concat([Uint8Array.of(UDATA_COMMENT, text.length), text]);
}

const padded = (type: FieldType): number => (FIELD_BYTES[type] + 3) & ~3;

function encodeField(type: FieldType, field: Field): { first: Buffer; last: Buffer } {
  if (typeof field === 'object') {
    const ends = { first: encodeScalar(type, field.from), last: encodeScalar(type, field.to) };
    if (ends.first.compare(ends.last) > 0) {
      throw new PontoonError('bad-value', `${field.from}-${field.to}: the first end of an interval is the lower one`);
    }
    return ends;
  }
  if (typeof field === 'string' && field.includes('/')) return prefixEnds(type, field);
  const value = encodeScalar(type, field);
  return { first: value, last: value };
}

function encodeScalar(type: FieldType, value: string | number): Buffer {
  switch (type) {
    case 'ipv4_addr':
    case 'ipv6_addr':
      return sized(type, parseAddress(String(value)), value);
    case 'inet_proto':
      return unsigned(type, typeof value === 'number' ? value : (PROTOCOLS[value] ?? Number.NaN), value);
    case 'inet_service':
      return unsigned(type, Number(value), value);
    case 'ifname': {
      const name = Buffer.alloc(FIELD_BYTES.ifname);
      if (Buffer.byteLength(String(value)) >= name.length) throw badField(type, value);
      name.write(String(value));
      return name;
    }
  }
}

function unsigned(type: FieldType, number: number, value: string | number): Buffer {
  const bytes = FIELD_BYTES[type];
  if (!Number.isInteger(number) || number < 0 || number >= 2 ** (8 * bytes)) throw badField(type, value);
  const encoded = Buffer.alloc(bytes);
  encoded.writeUIntBE(number, 0, bytes);
  return encoded;
}

function prefixEnds(type: FieldType, prefix: string): { first: Buffer; last: Buffer } {
  const { address, prefixLength } = parseInterfaceAddress(prefix);
  const first = sized(type, address, prefix);
  const last = Buffer.from(first);
  for (let index = 0; index < first.length; index++) {
    const hostBits = 0xff >> Math.min(8, Math.max(0, prefixLength - 8 * index));
    first[index] = (first[index] as number) & ~hostBits;
    last[index] = (last[index] as number) | hostBits;
  }
  return { first, last };
}

function sized(type: FieldType, bytes: Buffer, value: string | number): Buffer {
  if (bytes.length !== FIELD_BYTES[type]) throw badField(type, value);
  return bytes;
}

function badField(type: FieldType, value: string | number): PontoonError {
  return new PontoonError('bad-value', `'${value}' is not of the type ${type}`, { subject: String(value) });
}
