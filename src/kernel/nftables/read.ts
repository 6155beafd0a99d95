/**
 * @module What a table holds, read from the kernel: enough to tell whether it is as it should be.
 *
 * Chains, rules and set descriptions come as opaque lines: two tables made from the same text in the same kernel give
 * the same lines. Elements come as bytes, which compare with `encodeFields`.
 */

import { KernelError } from '../error.ts';
import { Attributes, type MessageWriter, type NetlinkMessage, readAttributes } from '../netlink/codec.ts';
import { nfgenmsg, nfnetlinkType } from '../netlink/nfnetlink.ts';
import type { NetlinkSocket } from '../netlink/socket.ts';
import * as nf from '../uapi/nf_tables.ts';
import { NFNL_SUBSYS_NFTABLES } from '../uapi/nfnetlink.ts';
import { FAMILIES, type Table } from './batch.ts';
import type { NftSet, RawElement } from './set.ts';

const NFGENMSG_BYTES = 4;
const FAMILY_NAMES = new Map<number, string>([
  [nf.NFPROTO_ARP, 'arp'],
  ...Object.entries(FAMILIES).map(([name, number]): [number, string] => [number, name]),
]);

/**
 * One line for each chain, rule and set of a table, in the kernel's order; none when there is no table. Elements and
 * counters are not part of it. @throws KernelError
 */
export function describeTable(socket: NetlinkSocket, table: Table): string[] {
  const inTable =
    (name: number) =>
    (message: NetlinkMessage): boolean =>
      new Attributes(message.payload, NFGENMSG_BYTES).string(name) === table.name;
  const chains = dump(socket, table, 'NFT_MSG_GETCHAIN', nf.NFT_MSG_GETCHAIN).filter(inTable(nf.NFTA_CHAIN_TABLE));
  const rules = dump(socket, table, 'NFT_MSG_GETRULE', nf.NFT_MSG_GETRULE, (message) =>
    message.string(nf.NFTA_RULE_TABLE, table.name),
  );
  const sets = dump(socket, table, 'NFT_MSG_GETSET', nf.NFT_MSG_GETSET, (message) =>
    message.string(nf.NFTA_SET_TABLE, table.name),
  );
  return [
    ...chains.map((message) =>
      describe('chain', message, [nf.NFTA_CHAIN_NAME, nf.NFTA_CHAIN_HOOK, nf.NFTA_CHAIN_POLICY, nf.NFTA_CHAIN_TYPE]),
    ),
    ...rules.map((message) => describe('rule', message, [nf.NFTA_RULE_CHAIN, nf.NFTA_RULE_EXPRESSIONS])),
    ...sets.map((message) =>
      describe('set', message, [
        nf.NFTA_SET_NAME,
        nf.NFTA_SET_FLAGS,
        nf.NFTA_SET_KEY_LEN,
        nf.NFTA_SET_DATA_TYPE,
        nf.NFTA_SET_DATA_LEN,
      ]),
    ),
  ];
}

/** All tables of the socket's namespace, by nft's word for the family and name. @throws KernelError */
export function listTables(socket: NetlinkSocket): { family: string; name: string }[] {
  return socket
    .dump({
      call: 'NFT_MSG_GETTABLE',
      type: nfnetlinkType(NFNL_SUBSYS_NFTABLES, nf.NFT_MSG_GETTABLE),
      write: (message) => message.fixed(nfgenmsg(nf.NFPROTO_UNSPEC)),
    })
    .map(({ payload }) => ({
      family: FAMILY_NAMES.get(payload.readUInt8(0)) ?? String(payload.readUInt8(0)),
      name: new Attributes(payload, NFGENMSG_BYTES).string(nf.NFTA_TABLE_NAME) ?? '',
    }));
}

/** The elements of a set or map with exact or concatenated keys; none when there is no such set. @throws KernelError */
export function listElements(socket: NetlinkSocket, set: NftSet): RawElement[] {
  return dump(socket, set.table, 'NFT_MSG_GETSETELEM', nf.NFT_MSG_GETSETELEM, (message) =>
    message.string(nf.NFTA_SET_ELEM_LIST_TABLE, set.table.name).string(nf.NFTA_SET_ELEM_LIST_SET, set.name),
  ).flatMap((message) => {
    const list = new Attributes(message.payload, NFGENMSG_BYTES).bytes(nf.NFTA_SET_ELEM_LIST_ELEMENTS);
    return list === undefined
      ? []
      : [...readAttributes(list)].map(([, element]) => parseElement(new Attributes(element)));
  });
}

function parseElement(element: Attributes): RawElement {
  const value = (type: number): Buffer | undefined => element.nested(type)?.bytes(nf.NFTA_DATA_VALUE);
  const first = value(nf.NFTA_SET_ELEM_KEY) ?? Buffer.alloc(0);
  return { first, last: value(nf.NFTA_SET_ELEM_KEY_END) ?? first, data: value(nf.NFTA_SET_ELEM_DATA) };
}

function describe(kind: string, message: NetlinkMessage, types: readonly number[]): string {
  const attributes = new Attributes(message.payload, NFGENMSG_BYTES);
  return [kind, ...types.map((type) => attributes.bytes(type)?.toString('base64') ?? '-')].join(' ');
}

function dump(
  socket: NetlinkSocket,
  table: Table,
  call: string,
  operation: number,
  write: (message: MessageWriter) => void = () => {},
): NetlinkMessage[] {
  try {
    return socket.dump({
      call,
      subject: `${table.family} ${table.name}`,
      type: nfnetlinkType(NFNL_SUBSYS_NFTABLES, operation),
      write: (message) => write(message.fixed(nfgenmsg(FAMILIES[table.family]))),
    });
  } catch (error) {
    if (KernelError.isKernel(error, 'ENOENT')) return [];
    throw error;
  }
}
