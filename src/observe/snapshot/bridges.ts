/**
 * @module What the bridges of one namespace have learned: MACs behind ports (FDB), multicast groups (MDB).
 * @see net/bridge/br_fdb.c, net/bridge/br_mdb.c
 */

import { KernelError } from '../../kernel/error.ts';
import { AF_BRIDGE } from '../../kernel/families.ts';
import { formatAddress, formatMac } from '../../kernel/inet.ts';
import { Attributes, readAttributes } from '../../kernel/netlink/codec.ts';
import type { NetlinkSocket } from '../../kernel/netlink/socket.ts';
import { listFdb } from '../../kernel/rtnetlink/fdb.ts';
import * as uapi from '../../kernel/uapi/rtnetlink.ts';
import { sparse } from './sparse.ts';
import type { FdbEntry, MdbEntry } from './types.ts';

/** struct br_port_msg */
const BR_PORT_MSG_BYTES = 8;
const ETH_P_IP = 0x0800;
const ETH_P_IPV6 = 0x86dd;

/** @throws KernelError */
export function readFdb(socket: NetlinkSocket): FdbEntry[] {
  return listFdb(socket).map((entry) => sparse<FdbEntry>({ ...entry }));
}

/** Empty where the kernel's bridge knows no groups. @throws KernelError */
export function readMdb(socket: NetlinkSocket): MdbEntry[] {
  const header = Buffer.alloc(BR_PORT_MSG_BYTES);
  header.writeUInt8(AF_BRIDGE, 0);
  try {
    return socket
      .dump({ call: 'RTM_GETMDB', type: uapi.RTM_GETMDB, write: (message) => message.fixed(header) })
      .flatMap(({ payload }) => {
        const bridge = payload.readUInt32LE(4);
        const list = new Attributes(payload, BR_PORT_MSG_BYTES).bytes(uapi.MDBA_MDB);
        return list === undefined ? [] : parseGroups(bridge, list);
      });
  } catch (error) {
    if (KernelError.isKernel(error, 'EOPNOTSUPP')) return [];
    throw error;
  }
}

/** MDBA_MDB holds entries, one for each group, and each holds a struct br_mdb_entry for each port. */
function parseGroups(bridge: number, list: Buffer): MdbEntry[] {
  return [...readAttributes(list)].flatMap(([, entry]) =>
    [...readAttributes(entry)]
      .filter(([type]) => type === uapi.MDBA_MDB_ENTRY_INFO)
      .map(([, info]) =>
        sparse<MdbEntry>({
          bridge,
          port: info.readUInt32LE(0),
          group: formatGroup(info.subarray(8, 24), info.readUInt16BE(24)),
          vlan: info.readUInt16LE(6) || undefined,
          permanent: (info.readUInt8(4) & uapi.MDB_PERMANENT) !== 0,
        }),
      ),
  );
}

function formatGroup(bytes: Buffer, protocol: number): string {
  if (protocol === ETH_P_IP) return formatAddress(bytes.subarray(0, 4));
  if (protocol === ETH_P_IPV6) return formatAddress(bytes);
  return formatMac(bytes.subarray(0, 6));
}
