/**
 * @module nftables transactions as raw nfnetlink batches, for what is done often: elements, and small fixed rulesets.
 *
 * A transaction is a list of requests between two markers, in one send: the kernel carries out all of them or none.
 * Its cost does not depend on what the set holds already, while libnftables reads a whole interval set back before it
 * adds one element to it. docs/decisions/0002-nftables.md has the numbers.
 * @see nfnetlink_rcv_batch in net/netfilter/nfnetlink.c, net/netfilter/nf_tables_api.c
 */

import { KernelError } from '../error.ts';
import * as ffi from '../ffi.ts';
import { MessageWriter, type NetlinkMessage } from '../netlink/codec.ts';
import { nfgenmsg, nfnetlinkType } from '../netlink/nfnetlink.ts';
import { type NetlinkRequest, type NetlinkSocket, throwIfRefused } from '../netlink/socket.ts';
import { NLM_F_ACK, NLM_F_REQUEST, NLMSG_ERROR } from '../uapi/netlink.ts';
import * as nf from '../uapi/nf_tables.ts';
import { NFNL_MSG_BATCH_BEGIN, NFNL_MSG_BATCH_END, NFNL_SUBSYS_NFTABLES } from '../uapi/nfnetlink.ts';

/** One step of a transaction: what `addRule` and the other verbs make. It is nothing outside of one. */
export type NftRequest = NetlinkRequest;

/** The address family of a table, as `nft` writes it. */
export type Family = 'ip' | 'ip6' | 'inet' | 'bridge' | 'netdev';

export const FAMILIES: Record<Family, number> = {
  ip: nf.NFPROTO_IPV4,
  ip6: nf.NFPROTO_IPV6,
  inet: nf.NFPROTO_INET,
  bridge: nf.NFPROTO_BRIDGE,
  netdev: nf.NFPROTO_NETDEV,
};

export interface Table {
  readonly family: Family;
  readonly name: string;
}

/** A send may hold as much as the socket's send buffer, less some overhead; the default is 208 KiB. */
const DEFAULT_SEND_BYTES = 200 * 1024;
const SO_SNDBUFFORCE = 32;

/**
 * Carries out the requests in one transaction, on a socket from `openNetfilter`.
 * @throws KernelError that names the first request that was refused; then nothing has changed
 */
export function transact(socket: NetlinkSocket, requests: readonly NftRequest[]): void {
  if (requests.length === 0) return;
  const begin = socket.nextSequence();
  const writer = new MessageWriter(2048);
  writer.message(NFNL_MSG_BATCH_BEGIN, NLM_F_REQUEST, begin).fixed(nfgenmsg(0, NFNL_SUBSYS_NFTABLES));
  requests.forEach((request, index) => {
    // One acknowledgement is enough: the kernel reports each request that it refuses anyway, in their order.
    const acknowledge = index === requests.length - 1 ? NLM_F_ACK : 0;
    writer.message(request.type, request.flags | NLM_F_REQUEST | acknowledge, socket.nextSequence());
    request.write(writer);
  });
  writer.message(NFNL_MSG_BATCH_END, NLM_F_REQUEST, socket.nextSequence()).fixed(nfgenmsg(0, NFNL_SUBSYS_NFTABLES));
  const batch = writer.finish();
  if (batch.length > DEFAULT_SEND_BYTES) {
    ffi.setsockopt(socket.fd, ffi.SOL_SOCKET, SO_SNDBUFFORCE, batch.length + 4096);
  }
  ffi.send(socket.fd, batch);
  readAnswers(socket, begin, requests);
}

/** The request of one nf_tables operation on a table. */
export function nftRequest(
  table: Table,
  operation: { call: string; type: number; flags?: number; subject?: string },
  write: (message: MessageWriter) => void,
): NftRequest {
  const about = `${table.family} ${table.name}`;
  return {
    call: operation.call,
    subject: operation.subject === undefined ? about : `${about} ${operation.subject}`,
    type: nfnetlinkType(NFNL_SUBSYS_NFTABLES, operation.type),
    flags: operation.flags ?? 0,
    write: (message) => write(message.fixed(nfgenmsg(FAMILIES[table.family]))),
  };
}

/** Reads up to the last request's answer. A refusal at commit comes with the number of the batch's begin, and first. */
function readAnswers(socket: NetlinkSocket, begin: number, requests: readonly NftRequest[]): void {
  let failure: unknown;
  for (;;) {
    const answers = receive(socket);
    if (answers === undefined) break;
    for (const answer of answers) {
      const index = answer.sequence - begin - 1;
      if (answer.type !== NLMSG_ERROR || index < -1) continue; // the rest of an earlier failure
      try {
        throwIfRefused(requests[index] ?? { call: 'nftables commit' }, answer);
      } catch (error) {
        failure ??= error;
      }
      if (index !== requests.length - 1) continue;
      if (failure !== undefined) throw failure;
      return;
    }
  }
  throw failure ?? new KernelError('nftables batch', 'EPROTO', { detail: 'the kernel gave no answer' });
}

/** The messages of one waiting datagram. When more refusals came than the receive buffer holds, the later ones are lost. */
function receive(socket: NetlinkSocket): NetlinkMessage[] | undefined {
  try {
    return socket.receive();
  } catch (error) {
    if (!KernelError.isKernel(error, 'ENOBUFS')) throw error;
    return [];
  }
}
