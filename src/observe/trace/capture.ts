/**
 * @module Frames of many namespaces at once: one packet socket in each, bounded in room, with what was lost counted.
 */

import type { Address } from '../../ipam/index.ts';
import { NetworkNamespace } from '../../kernel/namespace.ts';
import { type Frame, PacketSocket } from '../../kernel/packet-socket.ts';
import { filterFor } from './filter.ts';

export interface Captured {
  /** The namespace's ID in the snapshot. */
  readonly namespace: string;
  readonly frame: Frame;
}

const SNAPSHOT_BYTES = 4096;
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;

export class Capture implements AsyncDisposable {
  readonly #sockets: { readonly namespace: string; readonly socket: PacketSocket }[] = [];
  readonly #framesMax: number;
  #frames = 0;
  /** Frames beyond the bound, which were not kept. */
  cut = 0;

  /** `namespaces`: ID and a path for each. @throws KernelError, PontoonError namespace-not-found */
  constructor(
    namespaces: readonly (readonly [id: string, path: string])[],
    addresses: readonly Address[],
    framesMax: number,
  ) {
    this.#framesMax = framesMax;
    const filter = filterFor(addresses);
    for (const [id, path] of namespaces) {
      using namespace = NetworkNamespace.open(path);
      const socket = namespace.enter(
        () => new PacketSocket({ filter, snapshotBytes: SNAPSHOT_BYTES, receiveBufferBytes: RECEIVE_BUFFER_BYTES }),
      );
      this.#sockets.push({ namespace: id, socket });
    }
  }

  /** What has come since the last call, by time. */
  read(): Captured[] {
    const frames: Captured[] = [];
    for (const { namespace, socket } of this.#sockets) {
      for (let frame = socket.receive(); frame !== undefined; frame = socket.receive()) {
        this.#frames += 1;
        if (this.#frames > this.#framesMax) this.cut += 1;
        else frames.push({ namespace, frame });
      }
    }
    return frames.sort((a, b) => Number(a.frame.timestampNs - b.frame.timestampNs));
  }

  /** How many frames found no room in the kernel. */
  get drops(): number {
    return this.#sockets.reduce((sum, { socket }) => sum + socket.statistics().drops, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#sockets.splice(0).map(({ socket }) => socket[Symbol.asyncDispose]()));
  }
}
