/**
 * @module A netlink socket: requests with their answers, dumps, batches and multicast.
 *
 * The kernel answers a request before send() returns, so a request and its acknowledgement are two short system calls
 * on the calling thread. Strict checking and extended acknowledgements are on: the kernel refuses what it does not
 * understand and says why, and that text reaches the error. A socket belongs for life to the network namespace in
 * which it was opened.
 */

import { closeSync } from 'node:fs';
import { type Errno, errnoName, KernelError } from '../error.ts';
import * as ffi from '../ffi.ts';
import {
  NETLINK_ADD_MEMBERSHIP,
  NETLINK_CAP_ACK,
  NETLINK_EXT_ACK,
  NETLINK_GET_STRICT_CHK,
  NLM_F_ACK,
  NLM_F_ACK_TLVS,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSGERR_ATTR_MISS_TYPE,
  NLMSGERR_ATTR_MSG,
  SOL_NETLINK,
} from '../uapi/netlink.ts';
import { Attributes, HEADER_BYTES, MessageWriter, type NetlinkMessage, readMessages } from './codec.ts';

/** Netlink fills at most this much per datagram of a dump (netlink_dump, net/netlink/af_netlink.c: 32 KiB). */
const DATAGRAM_BYTES = 64 * 1024;
/** A dump that changes underneath is read again this often before the caller is told. */
const DUMP_ATTEMPTS = 16;
const REQUESTS_AT_ONCE = 128;
const SOCKADDR_NL_BYTES = 12;
const SO_RCVBUF = 8;
const SO_RCVBUFFORCE = 33;

/** One request of a batch: `call` and `subject` name it in errors. */
export interface NetlinkRequest {
  readonly call: string;
  readonly subject?: string;
  readonly type: number;
  readonly flags: number;
  readonly write: (message: MessageWriter) => void;
}

export interface NetlinkSocketOptions {
  /** Multicast groups to join, by number (not bit mask). Default: none. */
  readonly groups?: readonly number[];
  /** Receive buffer, for multicast bursts. Default: the system's. */
  readonly receiveBufferBytes?: number;
}

const scratch = Buffer.allocUnsafe(DATAGRAM_BYTES);

export class NetlinkSocket implements Disposable {
  readonly fd: number;
  #sequence = 0;

  /** Opens the socket in the calling thread's current namespace. @throws KernelError */
  constructor(protocol: number, options: NetlinkSocketOptions = {}) {
    this.fd = ffi.socket(ffi.AF_NETLINK, ffi.SOCK_RAW, protocol, `netlink protocol ${protocol}`);
    try {
      ffi.setsockopt(this.fd, SOL_NETLINK, NETLINK_EXT_ACK, 1);
      ffi.setsockopt(this.fd, SOL_NETLINK, NETLINK_CAP_ACK, 1);
      ffi.setsockopt(this.fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1);
      if (options.receiveBufferBytes !== undefined) this.#setReceiveBuffer(options.receiveBufferBytes);
      if (options.groups !== undefined) this.#join(options.groups);
    } catch (error) {
      closeSync(this.fd);
      throw error;
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.fd);
  }

  /** A request that changes something, or asks for one object: the messages that came before the acknowledgement. */
  request(request: NetlinkRequest): NetlinkMessage[] {
    const sequence = this.#send([request]);
    return this.#answer(request, sequence);
  }

  /**
   * Several requests in as few sends as there is room for their answers. The kernel carries out all of a send, also
   * behind one that failed; the first failure is thrown when its answers are in, unless it is one of `expected`.
   */
  batch(requests: readonly NetlinkRequest[], expected: readonly Errno[] = []): void {
    for (const part of parts(requests)) this.#answers(part, this.#send(part), expected);
  }

  /** The same with the sending on another thread, so that this one goes on while the kernel sleeps. Nothing else may use the socket meanwhile. */
  async batchAsync(requests: readonly NetlinkRequest[], expected: readonly Errno[] = []): Promise<void> {
    for (const part of parts(requests)) {
      const first = this.#sequence + 1;
      this.#sequence += part.length;
      await ffi.sendAsync(this.fd, encode(part, first));
      this.#answers(part, first, expected);
    }
  }

  /**
   * All objects of a kind. A dump that was torn by a concurrent change (NLM_F_DUMP_INTR) is read again.
   * @throws KernelError EINTR when it is still torn after 16 attempts
   */
  dump(request: Omit<NetlinkRequest, 'flags'> & { flags?: number }): NetlinkMessage[] {
    for (let attempt = 0; attempt < DUMP_ATTEMPTS; attempt++) {
      const sequence = this.#send([{ ...request, flags: (request.flags ?? 0) | NLM_F_DUMP }]);
      const { messages, interrupted } = this.#dumpParts(request, sequence);
      if (!interrupted) return messages;
    }
    throw new KernelError(request.call, 'EINTR', { detail: 'the objects kept changing while they were listed' });
  }

  /**
   * The same with the walk up to the first full datagram of objects on another thread, for where the kernel looks at many
   * to find few. What is torn is not read again. Nothing else may use the socket meanwhile.
   */
  async dumpAsync(request: Omit<NetlinkRequest, 'flags'>): Promise<NetlinkMessage[]> {
    const sequence = this.nextSequence();
    await ffi.sendAsync(this.fd, encode([{ ...request, flags: NLM_F_DUMP }], sequence));
    return this.#dumpParts(request, sequence).messages;
  }

  /** The messages of one waiting datagram (multicast), or undefined when none waits. @throws KernelError ENOBUFS when some were lost */
  receive(): NetlinkMessage[] | undefined {
    const datagram = this.#datagram();
    return datagram === undefined ? undefined : [...readMessages(datagram)];
  }

  /** The next number for a request that the caller encodes itself (nfnetlink batches). */
  nextSequence(): number {
    return ++this.#sequence;
  }

  #send(requests: readonly NetlinkRequest[]): number {
    const first = this.#sequence + 1;
    this.#sequence += requests.length;
    ffi.send(this.fd, encode(requests, first));
    return first;
  }

  /** Refusals come by themselves; that the last request was carried out says that the others were, too. */
  #answers(requests: readonly NetlinkRequest[], first: number, expected: readonly Errno[]): void {
    const last = first + requests.length - 1;
    let failure: unknown;
    for (let done = false; !done; ) {
      for (const message of this.#expect(requests.at(-1)!)) {
        const request = requests[message.sequence - first];
        if (request === undefined || message.type !== NLMSG_ERROR) continue;
        try {
          throwIfRefused(request, message);
        } catch (error) {
          if (!KernelError.isKernel(error) || !expected.includes(error.errno)) failure ??= error;
        }
        if (message.sequence === last) done = true;
      }
    }
    if (failure !== undefined) throw failure;
  }

  #answer(request: NetlinkRequest, sequence: number): NetlinkMessage[] {
    const messages: NetlinkMessage[] = [];
    for (;;) {
      for (const message of this.#expect(request)) {
        if (message.sequence !== sequence) continue; // the rest of an answer that was given up
        if (message.type === NLMSG_ERROR) {
          throwIfRefused(request, message);
          return messages;
        }
        messages.push(message);
      }
    }
  }

  #dumpParts(request: { call: string; subject?: string }, sequence: number) {
    const messages: NetlinkMessage[] = [];
    let interrupted = false;
    for (;;) {
      for (const message of this.#expect(request)) {
        if (message.sequence !== sequence) continue;
        if ((message.flags & NLM_F_DUMP_INTR) !== 0) interrupted = true;
        if (message.type === NLMSG_ERROR) throwIfRefused(request, message);
        if (message.type === NLMSG_DONE) {
          throwIfRefused(request, message);
          return { messages, interrupted };
        }
        messages.push(message);
      }
    }
  }

  #expect(request: { call: string; subject?: string }): Iterable<NetlinkMessage> {
    const datagram = this.#datagram();
    if (datagram === undefined) {
      throw new KernelError(request.call, 'EPROTO', { ...about(request), detail: 'the kernel gave no answer' });
    }
    return readMessages(datagram);
  }

  #datagram(): Buffer | undefined {
    const length = ffi.recv(this.fd, scratch, ffi.MSG_DONTWAIT | ffi.MSG_TRUNC);
    if (length === undefined) return undefined;
    if (length > scratch.length)
      throw new KernelError('recv', 'EMSGSIZE', { detail: `netlink datagram of ${length} bytes` });
    return Buffer.from(scratch.subarray(0, length));
  }

  #join(groups: readonly number[]): void {
    // The kernel leaves out sockets without an address when it notifies (do_one_broadcast); this lets it pick one.
    const address = Buffer.alloc(SOCKADDR_NL_BYTES);
    address.writeUInt16LE(ffi.AF_NETLINK);
    ffi.bind(this.fd, address);
    for (const group of groups) ffi.setsockopt(this.fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group);
  }

  #setReceiveBuffer(bytes: number): void {
    try {
      ffi.setsockopt(this.fd, ffi.SOL_SOCKET, SO_RCVBUFFORCE, bytes);
    } catch (error) {
      if (!KernelError.isKernel(error, 'EPERM')) throw error;
      ffi.setsockopt(this.fd, ffi.SOL_SOCKET, SO_RCVBUF, bytes);
    }
  }
}

/** Refusals wait in the receive buffer, 208 KiB by default, and take some 800 bytes of it each. */
function parts(requests: readonly NetlinkRequest[]): readonly (readonly NetlinkRequest[])[] {
  if (requests.length <= REQUESTS_AT_ONCE) return requests.length === 0 ? [] : [requests];
  return Array.from({ length: Math.ceil(requests.length / REQUESTS_AT_ONCE) }, (_, index) =>
    requests.slice(index * REQUESTS_AT_ONCE, (index + 1) * REQUESTS_AT_ONCE),
  );
}

/** Only the last one asks for an acknowledgement. */
function encode(requests: readonly NetlinkRequest[], firstSequence: number): Buffer {
  const writer = new MessageWriter();
  requests.forEach((request, index) => {
    const ack = index < requests.length - 1 || (request.flags & NLM_F_DUMP) === NLM_F_DUMP ? 0 : NLM_F_ACK;
    writer.message(request.type, request.flags | NLM_F_REQUEST | ack, firstSequence + index);
    request.write(writer);
  });
  return writer.finish();
}

/** Throws what an NLMSG_ERROR (or the status in NLMSG_DONE) says, with the extended-ACK text. @see lib/nlattr.c, af_netlink.c netlink_ack */
export function throwIfRefused(request: { call: string; subject?: string }, message: NetlinkMessage): void {
  const error = message.payload.length >= 4 ? message.payload.readInt32LE() : 0;
  if (error === 0) return;
  // In an error the attributes follow the header of the refused request (NETLINK_CAP_ACK: nothing but the header).
  const offset = message.type === NLMSG_DONE ? 4 : 4 + HEADER_BYTES;
  const extended = (message.flags & NLM_F_ACK_TLVS) !== 0 ? new Attributes(message.payload, offset) : undefined;
  const missing = extended?.u32(NLMSGERR_ATTR_MISS_TYPE);
  const detail =
    extended?.string(NLMSGERR_ATTR_MSG) ?? (missing === undefined ? undefined : `attribute ${missing} is missing`);
  throw new KernelError(request.call, errnoName(-error), {
    ...about(request),
    ...(detail === undefined ? {} : { detail }),
  });
}

function about(request: { subject?: string }): { subject?: string } {
  return request.subject === undefined ? {} : { subject: request.subject };
}
