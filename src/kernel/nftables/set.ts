/**
 * @module Sets and maps, and their elements: exact keys, intervals, and concatenations with intervals in them.
 *
 * The kernel picks the structure from the description: a hash table for exact keys, a red-black tree for intervals of
 * one field, and pipapo for concatenated intervals, which answers in the same time whatever it holds.
 * @see nft_set_hash.c, nft_set_rbtree.c and nft_set_pipapo.c in net/netfilter
 */

import type { MessageWriter } from '../netlink/codec.ts';
import { NLM_F_CREATE } from '../uapi/netlink.ts';
import * as nf from '../uapi/nf_tables.ts';
import { type NftRequest, nftRequest, type Table } from './batch.ts';
import {
  encodeComment,
  encodeFields,
  type Field,
  type FieldType,
  formatFields,
  type Verdict,
  writeValue,
  writeVerdict,
} from './data.ts';

/** A set (without `data`), a map (with fields as data) or a verdict map, in its table. */
export interface NftSet {
  readonly table: Table;
  readonly name: string;
  readonly key: readonly FieldType[];
  readonly data?: readonly FieldType[] | 'verdict';
  /** Whether fields of a key may be intervals. Default: false. */
  readonly intervals?: boolean;
}

export interface NftElement {
  readonly key: readonly Field[];
  /** What a map gives for the key. */
  readonly data?: readonly Field[] | { readonly verdict: Verdict };
  /** At most 127 bytes. */
  readonly comment?: string;
}

/** An element as the kernel has it; `last` equals `first` for an exact key. */
export interface RawElement {
  readonly first: Buffer;
  readonly last: Buffer;
  readonly data: Buffer | undefined;
}

/** Adds an element; nothing changes when the same one is there. @throws PontoonError bad-value, bad-address */
export function addElement(set: NftSet, element: NftElement): NftRequest {
  return elementRequest('NFT_MSG_NEWSETELEM', nf.NFT_MSG_NEWSETELEM, NLM_F_CREATE, set, element);
}

/** Deletes an element by its key. The kernel refuses with ENOENT when there is none. */
export function deleteElement(set: NftSet, element: Pick<NftElement, 'key'>): NftRequest {
  return elementRequest('NFT_MSG_DELSETELEM', nf.NFT_MSG_DELSETELEM, 0, set, { key: element.key });
}

/** Deletes an element that was read back (`listElements`), whatever it is. */
export function deleteRawElement(set: NftSet, element: Pick<RawElement, 'first' | 'last'>): NftRequest {
  return rawElementRequest('NFT_MSG_DELSETELEM', nf.NFT_MSG_DELSETELEM, 0, set, element, element.first.toString('hex'));
}

function elementRequest(call: string, type: number, flags: number, set: NftSet, element: NftElement): NftRequest {
  const ends = encodeFields(set.key, element.key);
  return rawElementRequest(call, type, flags, set, ends, formatFields(element.key), (message) => {
    writeData(message, set, element);
    if (element.comment !== undefined) message.bytes(nf.NFTA_SET_ELEM_USERDATA, encodeComment(element.comment));
  });
}

function rawElementRequest(
  call: string,
  type: number,
  flags: number,
  set: NftSet,
  { first, last }: Pick<RawElement, 'first' | 'last'>,
  name: string,
  writeMore: (message: MessageWriter) => void = () => {},
): NftRequest {
  return nftRequest(set.table, { call, type, flags, subject: `${set.name} { ${name} }` }, (message) => {
    message.string(nf.NFTA_SET_ELEM_LIST_TABLE, set.table.name).string(nf.NFTA_SET_ELEM_LIST_SET, set.name);
    message.nest(nf.NFTA_SET_ELEM_LIST_ELEMENTS, (list) => {
      list.nest(nf.NFTA_LIST_ELEM, (element) => {
        writeValue(element, nf.NFTA_SET_ELEM_KEY, first);
        if (isConcatenatedInterval(set)) writeValue(element, nf.NFTA_SET_ELEM_KEY_END, last);
        writeMore(element);
      });
      const behind = set.intervals && !isConcatenatedInterval(set) ? successor(last) : undefined;
      if (behind === undefined) return;
      list.nest(nf.NFTA_LIST_ELEM, (end) => {
        writeValue(end, nf.NFTA_SET_ELEM_KEY, behind);
        end.u32be(nf.NFTA_SET_ELEM_FLAGS, nf.NFT_SET_ELEM_INTERVAL_END);
      });
    });
  });
}

function isConcatenatedInterval(set: NftSet): boolean {
  return set.intervals === true && set.key.length > 1;
}

function writeData(message: MessageWriter, set: NftSet, { data }: NftElement): void {
  if (data === undefined || set.data === undefined) return;
  if ('verdict' in data) writeVerdict(message, nf.NFTA_SET_ELEM_DATA, data.verdict);
  else if (set.data !== 'verdict') writeValue(message, nf.NFTA_SET_ELEM_DATA, encodeFields(set.data, data).first);
}

/** The value behind, where an interval of a tree ends; none behind the last one, whose interval has no end element. */
function successor(value: Buffer): Buffer | undefined {
  const next = Buffer.from(value);
  for (let index = next.length - 1; index >= 0; index--) {
    next[index] = ((next[index] as number) + 1) & 0xff;
    if (next[index] !== 0) return next;
  }
  return undefined;
}
