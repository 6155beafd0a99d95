/**
 * @module The expressions that rules are made of: loads, comparisons, changes and verdicts.
 *
 * A load puts a value into the one register that we use; the expression behind it works on that value. A comparison
 * that fails ends the rule. For example, "leaves by the loopback interface": `[meta('oif'), equal(uint32(1))]`.
 * @see nft_meta.c, nft_payload.c, nft_cmp.c, nft_bitwise.c, nft_immediate.c in net/netfilter; `nft --debug=netlink`
 */

import type { MessageWriter } from '../netlink/codec.ts';
import * as nf from '../uapi/nf_tables.ts';
import { type Verdict, writeValue, writeVerdict } from './data.ts';

export interface Expression {
  readonly name: string;
  readonly write: (data: MessageWriter) => void;
}

/** A field of a packet's header. */
export interface HeaderField {
  readonly header: 'network' | 'transport';
  readonly offset: number;
  readonly bytes: number;
}

export const IPV4_SOURCE: HeaderField = { header: 'network', offset: 12, bytes: 4 };
export const IPV4_DESTINATION: HeaderField = { header: 'network', offset: 16, bytes: 4 };
export const IPV6_SOURCE: HeaderField = { header: 'network', offset: 8, bytes: 16 };
export const IPV6_DESTINATION: HeaderField = { header: 'network', offset: 24, bytes: 16 };
/** Ports are at the same place in TCP, UDP and SCTP. */
export const SOURCE_PORT: HeaderField = { header: 'transport', offset: 0, bytes: 2 };
export const DESTINATION_PORT: HeaderField = { header: 'transport', offset: 2, bytes: 2 };
export const UDP_CHECKSUM: HeaderField = { header: 'transport', offset: 6, bytes: 2 };
export const TCP_CHECKSUM: HeaderField = { header: 'transport', offset: 16, bytes: 2 };

const META_KEYS = {
  /** The EtherType; 2 bytes. */
  protocol: nf.NFT_META_PROTOCOL,
  mark: nf.NFT_META_MARK,
  /** Index of the interface that the packet came by; 4 bytes. */
  iif: nf.NFT_META_IIF,
  /** Index of the interface that it leaves by; 4 bytes. */
  oif: nf.NFT_META_OIF,
  /** 16 bytes, like every interface name. */
  iifname: nf.NFT_META_IIFNAME,
  oifname: nf.NFT_META_OIFNAME,
  nfproto: nf.NFT_META_NFPROTO,
  l4proto: nf.NFT_META_L4PROTO,
};

const HEADERS = { network: nf.NFT_PAYLOAD_NETWORK_HEADER, transport: nf.NFT_PAYLOAD_TRANSPORT_HEADER };

/** Loads what the kernel knows about the packet. */
export function meta(key: keyof typeof META_KEYS): Expression {
  return {
    name: 'meta',
    write: (data) => data.u32be(nf.NFTA_META_DREG, nf.NFT_REG_1).u32be(nf.NFTA_META_KEY, META_KEYS[key]),
  };
}

/** Loads a header field. */
export function payload(field: HeaderField): Expression {
  return {
    name: 'payload',
    write: (data) => writeField(data.u32be(nf.NFTA_PAYLOAD_DREG, nf.NFT_REG_1), field),
  };
}

/** Loads a constant. */
export function immediate(value: Uint8Array): Expression {
  return {
    name: 'immediate',
    write: (data) => writeValue(data.u32be(nf.NFTA_IMMEDIATE_DREG, nf.NFT_REG_1), nf.NFTA_IMMEDIATE_DATA, value),
  };
}

/** Changes the loaded value: (value & mask) ^ xor. */
export function bitwise(mask: Uint8Array, xor: Uint8Array): Expression {
  return {
    name: 'bitwise',
    write(data) {
      data.u32be(nf.NFTA_BITWISE_SREG, nf.NFT_REG_1).u32be(nf.NFTA_BITWISE_DREG, nf.NFT_REG_1);
      data.u32be(nf.NFTA_BITWISE_LEN, mask.length);
      writeValue(data, nf.NFTA_BITWISE_MASK, mask);
      writeValue(data, nf.NFTA_BITWISE_XOR, xor);
    },
  };
}

/** Goes on only when the loaded value is this one. */
export function equal(value: Uint8Array): Expression {
  return compare(nf.NFT_CMP_EQ, value);
}

/** Goes on only when the loaded value is another one. */
export function notEqual(value: Uint8Array): Expression {
  return compare(nf.NFT_CMP_NEQ, value);
}

/** Writes the loaded value into a header field, and corrects the transport checksum where one is given. */
export function setPayload(field: HeaderField, checksum?: HeaderField): Expression {
  return {
    name: 'payload',
    write(data) {
      writeField(data.u32be(nf.NFTA_PAYLOAD_SREG, nf.NFT_REG_1), field);
      if (checksum === undefined) return;
      data.u32be(nf.NFTA_PAYLOAD_CSUM_TYPE, nf.NFT_PAYLOAD_CSUM_INET);
      data.u32be(nf.NFTA_PAYLOAD_CSUM_OFFSET, checksum.offset);
    },
  };
}

/** Counts the packets and bytes that come this far. */
export function counter(): Expression {
  return { name: 'counter', write: () => {} };
}

/** Ends the rule with a verdict. */
export function verdict(value: Verdict): Expression {
  return {
    name: 'immediate',
    write: (data) =>
      writeVerdict(data.u32be(nf.NFTA_IMMEDIATE_DREG, nf.NFT_REG_VERDICT), nf.NFTA_IMMEDIATE_DATA, value),
  };
}

/** A number in host byte order, as `meta` loads interface indices and marks. */
export function uint32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function compare(operation: number, value: Uint8Array): Expression {
  return {
    name: 'cmp',
    write: (data) =>
      writeValue(data.u32be(nf.NFTA_CMP_SREG, nf.NFT_REG_1).u32be(nf.NFTA_CMP_OP, operation), nf.NFTA_CMP_DATA, value),
  };
}

function writeField(data: MessageWriter, field: HeaderField): MessageWriter {
  return data
    .u32be(nf.NFTA_PAYLOAD_BASE, HEADERS[field.header])
    .u32be(nf.NFTA_PAYLOAD_OFFSET, field.offset)
    .u32be(nf.NFTA_PAYLOAD_LEN, field.bytes);
}
