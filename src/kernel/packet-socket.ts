/**
 * @module Packet sockets: every frame that passes an interface, as the driver hands it over, and frames to send.
 *
 * A socket stays in the namespace in which it was opened. There is no ring: one system call per frame, which is enough to
 * trace and to probe, not to record a loaded link. What the kernel dropped meanwhile is counted.
 * @see packet(7), linux/if_packet.h, net/packet/af_packet.c
 */

import { closeSync } from 'node:fs';
import { PontoonError } from '../errors.ts';
import * as ffi from './ffi.ts';
import * as uapi from './uapi/if_packet.ts';

/** One instruction of a classic BPF program. @see linux/filter.h struct sock_filter, Documentation/networking/filter.rst */
export type BpfInstruction = readonly [code: number, jumpTrue: number, jumpFalse: number, operand: number];

/**
 * How a frame passed the interface. 'other-host' came in with the MAC of somebody else; 'outgoing' left, which on a veth
 * means: goes to the peer.
 */
export type FrameDirection = 'host' | 'broadcast' | 'multicast' | 'other-host' | 'outgoing' | 'unknown';
const DIRECTIONS: readonly FrameDirection[] = ['host', 'broadcast', 'multicast', 'other-host', 'outgoing'];

export interface Frame {
  /** The index of the interface. */
  readonly link: number;
  readonly direction: FrameDirection;
  /** When the kernel saw it, in nanoseconds since 1970 (CLOCK_REALTIME). */
  readonly timestampNs: bigint;
  /** From the link-layer header on; cut at `snapshotBytes`. */
  readonly bytes: Buffer;
  /** The length before the cut. With segmentation offload it is that of the whole burst, far above the MTU. */
  readonly lengthBytes: number;
  /** The EtherType. */
  readonly protocol: number;
  /** The outer VLAN tag, which the kernel takes out of the bytes. */
  readonly vlan: { readonly id: number; readonly priority: number; readonly protocol: number } | undefined;
  /** The transport checksum in the bytes is not filled in yet: the device, or nobody on a veth, will do it. */
  readonly checksumPending: boolean;
}

export interface PacketSocketOptions {
  /** The index of the interface. Default: all of the namespace. */
  readonly link?: number;
  /** The EtherType. Default: all, and only then outgoing frames too. */
  readonly protocol?: number;
  /** The frames to take: those for which the program returns more than 0. Default: all. */
  readonly filter?: readonly BpfInstruction[];
  /** How much of a frame is kept, at most and by default 262,144 bytes. */
  readonly snapshotBytes?: number;
  /** Room for frames that nobody has read yet. Default: the system's (net.core.rmem_default). */
  readonly receiveBufferBytes?: number;
}

const SNAPSHOT_LIMIT_BYTES = 256 * 1024;
const SOCKADDR_LL_BYTES = 20;
const MSGHDR_BYTES = 56;
const IOVEC_BYTES = 16;
const CMSGHDR_BYTES = 16;
const CONTROL_BYTES = 128;

/** What recvmsg writes to; it is one for all sockets, because what was received is copied before the next call. */
const received = {
  bytes: Buffer.alloc(SNAPSHOT_LIMIT_BYTES),
  sender: Buffer.alloc(SOCKADDR_LL_BYTES),
  control: Buffer.alloc(CONTROL_BYTES),
  vector: Buffer.alloc(IOVEC_BYTES),
  message: Buffer.alloc(MSGHDR_BYTES),
};

export class PacketSocket implements AsyncDisposable {
  readonly fd: number;
  readonly #link: number;
  readonly #snapshotBytes: number;
  #packets = 0;
  #drops = 0;

  /** Opens the socket in the calling thread's current namespace. @throws KernelError ENODEV where there is no such link */
  constructor(options: PacketSocketOptions = {}) {
    this.#link = options.link ?? 0;
    this.#snapshotBytes = Math.min(options.snapshotBytes ?? SNAPSHOT_LIMIT_BYTES, SNAPSHOT_LIMIT_BYTES);
    // Without a protocol nothing arrives until bind, so that no frame comes by unfiltered or from another link.
    this.fd = ffi.socket(ffi.AF_PACKET, ffi.SOCK_RAW | ffi.SOCK_NONBLOCK, 0, 'packet socket');
    try {
      ffi.setsockopt(this.fd, ffi.SOL_SOCKET, uapi.SO_TIMESTAMPNS_OLD, 1);
      ffi.setsockopt(this.fd, uapi.SOL_PACKET, uapi.PACKET_AUXDATA, 1);
      if (options.receiveBufferBytes !== undefined) {
        ffi.setsockopt(this.fd, ffi.SOL_SOCKET, uapi.SO_RCVBUFFORCE, options.receiveBufferBytes);
      }
      if (options.filter !== undefined) this.#attach(options.filter);
      ffi.bind(
        this.fd,
        linkAddress(this.#link, options.protocol ?? uapi.ETH_P_ALL),
        `packet socket to link ${this.#link}`,
      );
    } catch (error) {
      closeSync(this.fd);
      throw error;
    }
  }

  /** Closes it on another thread: the kernel waits for RCU, 10 to 30 ms. */
  [Symbol.asyncDispose](): Promise<void> {
    return ffi.closeAsync(this.fd);
  }

  /**
   * One frame that waits, or undefined.
   * @throws KernelError ENETDOWN, once, when the interface is or goes down; the socket works on when it comes up again
   */
  receive(): Frame | undefined {
    prepareMessage(this.#snapshotBytes);
    const lengthBytes = ffi.recvmsg(this.fd, received.message, ffi.MSG_DONTWAIT | ffi.MSG_TRUNC);
    if (lengthBytes === undefined) return undefined;
    const { sender } = received;
    return {
      link: sender.readInt32LE(4),
      direction: DIRECTIONS[sender.readUInt8(10)] ?? 'unknown',
      protocol: sender.readUInt16BE(2),
      bytes: Buffer.from(received.bytes.subarray(0, Math.min(lengthBytes, this.#snapshotBytes))),
      lengthBytes,
      ...parseControl(),
    };
  }

  /** Sends one frame, link-layer header included; this socket sees it only where it arrives. @throws KernelError ENXIO without a link, ENETDOWN, EMSGSIZE, … */
  send(frame: Uint8Array, link: number = this.#link): void {
    ffi.sendto(this.fd, frame, linkAddress(link, 0));
  }

  /** How many frames the filter let through since the socket was opened, and how many of them found no room. */
  statistics(): { packets: number; drops: number } {
    // struct tpacket_stats; reading it sets the kernel's counters to 0.
    const counters = ffi.getsockopt(this.fd, uapi.SOL_PACKET, uapi.PACKET_STATISTICS, 8);
    this.#packets += counters.readUInt32LE(0);
    this.#drops += counters.readUInt32LE(4);
    return { packets: this.#packets, drops: this.#drops };
  }

  #attach(program: readonly BpfInstruction[]): void {
    const instructions = Buffer.alloc(program.length * 8);
    program.forEach(([code, jumpTrue, jumpFalse, operand], index) => {
      instructions.writeUInt16LE(code, index * 8);
      instructions.writeUInt8(jumpTrue, index * 8 + 2);
      instructions.writeUInt8(jumpFalse, index * 8 + 3);
      instructions.writeUInt32LE(operand >>> 0, index * 8 + 4);
    });
    const header = Buffer.alloc(16); // struct sock_fprog
    header.writeUInt16LE(program.length, 0);
    header.writeBigUInt64LE(ffi.addressOf(instructions), 8);
    try {
      ffi.setsockopt(this.fd, ffi.SOL_SOCKET, uapi.SO_ATTACH_FILTER, header);
    } catch (cause) {
      throw new PontoonError('bad-value', `the kernel refuses the BPF program of ${program.length} instructions`, {
        cause,
      });
    }
  }
}

/** struct sockaddr_ll */
function linkAddress(link: number, protocol: number): Buffer {
  const address = Buffer.alloc(SOCKADDR_LL_BYTES);
  address.writeUInt16LE(ffi.AF_PACKET, 0);
  address.writeUInt16BE(protocol, 2);
  address.writeInt32LE(link, 4);
  return address;
}

/** Fills struct msghdr and struct iovec anew: the kernel writes the lengths that it used into them. */
function prepareMessage(snapshotBytes: number): void {
  const { bytes, sender, control, vector, message } = received;
  vector.writeBigUInt64LE(ffi.addressOf(bytes), 0);
  vector.writeBigUInt64LE(BigInt(snapshotBytes), 8);
  message.writeBigUInt64LE(ffi.addressOf(sender), 0);
  message.writeUInt32LE(SOCKADDR_LL_BYTES, 8);
  message.writeBigUInt64LE(ffi.addressOf(vector), 16);
  message.writeBigUInt64LE(1n, 24);
  message.writeBigUInt64LE(ffi.addressOf(control), 32);
  message.writeBigUInt64LE(BigInt(CONTROL_BYTES), 40);
}

/** The ancillary data: the timestamp and struct tpacket_auxdata. */
function parseControl(): Pick<Frame, 'timestampNs' | 'vlan' | 'checksumPending'> {
  const { control, message } = received;
  const end = Number(message.readBigUInt64LE(40));
  let timestampNs = 0n;
  let vlan: Frame['vlan'];
  let checksumPending = false;
  for (let at = 0; at + CMSGHDR_BYTES <= end; ) {
    const length = Number(control.readBigUInt64LE(at));
    if (length < CMSGHDR_BYTES) break;
    const level = control.readInt32LE(at + 8);
    const type = control.readInt32LE(at + 12);
    const data = control.subarray(at + CMSGHDR_BYTES, at + length);
    if (level === ffi.SOL_SOCKET && type === uapi.SO_TIMESTAMPNS_OLD) {
      timestampNs = data.readBigInt64LE(0) * 1_000_000_000n + data.readBigInt64LE(8);
    } else if (level === uapi.SOL_PACKET && type === uapi.PACKET_AUXDATA) {
      const status = data.readUInt32LE(0);
      checksumPending = (status & uapi.TP_STATUS_CSUMNOTREADY) !== 0;
      if ((status & uapi.TP_STATUS_VLAN_VALID) !== 0) {
        const tag = data.readUInt16LE(16);
        const named = (status & uapi.TP_STATUS_VLAN_TPID_VALID) !== 0;
        vlan = { id: tag & 0xfff, priority: tag >> 13, protocol: named ? data.readUInt16LE(18) : uapi.ETH_P_8021Q };
      }
    }
    at += (length + 7) & ~7;
  }
  return { timestampNs, vlan, checksumPending };
}
