/**
 * @module A connection over an AF_UNIX socket of type SOCK_SEQPACKET: messages with their boundaries, in order, and an
 * end. Node.js knows only the stream type.
 *
 * Nothing here blocks. Sending has a descriptor of its own (a duplicate), because readiness watches one way each.
 * @see unix(7)
 */

import { closeSync, constants, openSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { KernelError } from './error.ts';
import * as ffi from './ffi.ts';
import { type Watch, watchReadable, watchWritable } from './readiness.ts';

/** How long until we knock again where the listener's queue is full. */
const RETRY_MS = 5;
const SUN_PATH_BYTES = 108;

/** What is received is copied out before the next call, so that one is enough for all. */
const received = Buffer.alloc(64 * 1024);

export class SeqpacketConnection implements Disposable {
  #fd: number;
  #writeFd: number;

  private constructor(fd: number) {
    this.#fd = fd;
    this.#writeFd = ffi.duplicate(fd);
  }

  /**
   * Connects to a listening socket. Its path may be of any length: it is reached through its open directory, because
   * struct sockaddr_un has room for 107 bytes only.
   * @throws KernelError ENOENT, ECONNREFUSED where nobody listens
   */
  static async connect(path: string): Promise<SeqpacketConnection> {
    const directory = openSync(dirname(path), constants.O_DIRECTORY | constants.O_RDONLY);
    try {
      const address = unixAddress(`/proc/self/fd/${directory}/${basename(path)}`);
      for (;;) {
        const fd = ffi.socket(ffi.AF_UNIX, ffi.SOCK_SEQPACKET | ffi.SOCK_NONBLOCK, 0, path);
        try {
          ffi.connect(fd, address, path);
          return new SeqpacketConnection(fd);
        } catch (error) {
          ffi.close(fd);
          if (!KernelError.isKernel(error, 'EAGAIN')) throw error;
          await sleep(RETRY_MS);
        }
      }
    } finally {
      closeSync(directory);
    }
  }

  /** One message of at most 64 KiB; undefined: none now; empty: the other side has ended. @throws KernelError */
  receive(): Buffer | undefined {
    const length = this.#receive();
    return length === undefined ? undefined : Buffer.from(received.subarray(0, length));
  }

  #receive(): number | undefined {
    try {
      return ffi.recv(this.#fd, received, ffi.MSG_DONTWAIT);
    } catch (error) {
      if (!KernelError.isKernel(error, 'ECONNRESET')) throw error;
      // The other side went with something of ours unread. That is told once, before what it has sent.
      return ffi.recv(this.#fd, received, ffi.MSG_DONTWAIT);
    }
  }

  /** Sends one message; false when there is no room now. @throws KernelError EPIPE where the other side is gone */
  send(message: Uint8Array): boolean {
    return ffi.trySend(this.#writeFd, message);
  }

  /** Tells the other side that no more will come; it may still send. */
  endWriting(): void {
    try {
      ffi.shutdown(this.#writeFd, ffi.SHUT_WR);
    } catch (error) {
      if (!KernelError.isKernel(error, 'ENOTCONN', 'EPIPE')) throw error; // it has gone: it knows
    }
  }

  /** See watchReadable; end the watch before the connection. */
  watchReadable(onReadable: () => void): Watch {
    return watchReadable(this.#fd, onReadable);
  }

  /** See watchWritable. */
  watchWritable(onWritable: () => void): Watch {
    return watchWritable(this.#writeFd, onWritable);
  }

  [Symbol.dispose](): void {
    if (this.#fd < 0) return;
    ffi.close(this.#writeFd);
    ffi.close(this.#fd);
    this.#fd = this.#writeFd = -1;
  }
}

/** struct sockaddr_un */
function unixAddress(path: string): Buffer {
  const bytes = Buffer.from(path);
  if (bytes.length >= SUN_PATH_BYTES) throw new KernelError('connect', 'ENAMETOOLONG', { subject: path });
  const address = Buffer.alloc(2 + SUN_PATH_BYTES);
  address.writeUInt16LE(ffi.AF_UNIX, 0);
  bytes.copy(address, 2);
  return address;
}
