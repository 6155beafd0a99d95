/**
 * @module DNS over TCP: each message has its length before it, two bytes (RFC 1035 section 4.2.2).
 */

/** A message as it goes on a TCP connection. */
export function frame(message: Buffer): Buffer {
  const framed = Buffer.allocUnsafe(2 + message.length);
  framed.writeUInt16BE(message.length, 0);
  message.copy(framed, 2);
  return framed;
}

/** Puts messages together from the pieces in which a connection delivers them. Each byte is copied once. */
export class FrameReader {
  readonly #maxBytes: number;
  readonly #prefix = Buffer.alloc(2);
  #prefixFilled = 0;
  #message: Buffer | undefined;
  #filled = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The messages that `chunk` completes. @throws RangeError when one is announced that is longer than `maxBytes` */
  *push(chunk: Buffer): Generator<Buffer, void, void> {
    let offset = 0;
    while (offset < chunk.length) {
      if (this.#message === undefined) {
        this.#prefix[this.#prefixFilled++] = chunk[offset++] as number;
        if (this.#prefixFilled < 2) continue;
        const length = this.#prefix.readUInt16BE(0);
        if (length > this.#maxBytes) throw new RangeError(`a message of ${length} bytes, more than ${this.#maxBytes}`);
        this.#prefixFilled = 0;
        this.#filled = 0;
        this.#message = Buffer.allocUnsafe(length);
      }
      const copied = chunk.copy(this.#message, this.#filled, offset);
      this.#filled += copied;
      offset += copied;
      if (this.#filled === this.#message.length) {
        const message = this.#message;
        this.#message = undefined;
        yield message;
      }
    }
  }
}
