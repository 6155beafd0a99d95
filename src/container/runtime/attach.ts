/**
 * @module Attaching: the streams of a process, by the socket that its conmon serves.
 *
 * conmon sends messages whose first byte says the stream, and takes what we send as standard input; the end of our side
 * ends that input, unless it was told to leave it open. Several may be attached. A reader that does not read holds the
 * process up in the end, as a full pipe would.
 * @see conmon, src/conn_sock.c, src/ctr_stdio.c
 */

import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { KernelError } from '../../kernel/error.ts';
import type { Watch } from '../../kernel/readiness.ts';
import { SeqpacketConnection } from '../../kernel/seqpacket.ts';
import type { Attachment, AttachOptions } from '../types.ts';

const STDERR = 3;
/** conmon reads up to 32 KiB at once, and cuts what is longer. */
const INPUT_BYTES = 16 * 1024;

export interface Manners {
  /**
   * One who only listens stays connected, silently, until the process ends: conmon, unless it leaves standard input open,
   * ends it when anybody goes (stdinOnce).
   */
  readonly lingers?: boolean;
}

/**
 * Connects to the process whose conmon works in `directory`. What comes before is lost: attach between launch and
 * startProcess. Streams that are not asked for end at once.
 * @throws KernelError ENOENT, ECONNREFUSED where no process is
 */
export async function attach(directory: string, options: AttachOptions, manners: Manners = {}): Promise<Attachment> {
  const connection = await SeqpacketConnection.connect(join(directory, 'attach'));
  return new ConmonAttachment(connection, options, manners);
}

class ConmonAttachment implements Attachment {
  readonly stdin?: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly #connection: SeqpacketConnection;
  /** Those who are still read. */
  readonly #wanted = new Set<Readable>();
  readonly #lingers: boolean;
  #reading: Watch | undefined;
  #writing: Watch | undefined;
  #closed = false;

  constructor(connection: SeqpacketConnection, options: AttachOptions, manners: Manners) {
    this.#connection = connection;
    this.#lingers = manners.lingers === true && options.stdin !== true;
    const read = () => this.#resume();
    const destroy = (_: Error | null, done: (error?: Error | null) => void) => {
      if (this.stdout.destroyed && this.stderr.destroyed) this.#leave();
      done(null);
    };
    this.stdout = new Readable({ read, destroy });
    this.stderr = new Readable({ read, destroy });
    if (options.stdout) this.#wanted.add(this.stdout);
    if (options.stderr) this.#wanted.add(this.stderr);
    for (const stream of [this.stdout, this.stderr]) if (!this.#wanted.has(stream)) stream.push(null);
    if (options.stdin) this.stdin = this.#input();
    this.#resume();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#leave();
  }

  #leave(): void {
    if (!this.#lingers) {
      this.#close();
      return;
    }
    this.#endStreams();
    this.#resume();
    this.#reading?.unref();
  }

  #resume(): void {
    if (this.#closed || this.#reading !== undefined) return;
    this.#reading = this.#connection.watchReadable(() => this.#read());
    this.#reading.ref();
  }

  #read(): void {
    for (;;) {
      const frame = this.#connection.receive();
      if (frame === undefined) return;
      if (frame.length === 0) {
        this.#close();
        return;
      }
      const stream = frame[0] === STDERR ? this.stderr : this.stdout;
      if (!this.#wanted.has(stream) || stream.destroyed) continue; // nobody listens
      if (!stream.push(frame.subarray(1))) {
        this.#pause();
        return;
      }
    }
  }

  #pause(): void {
    this.#reading?.[Symbol.dispose]();
    this.#reading = undefined;
  }

  #input(): Writable {
    return new Writable({
      write: (chunk: Buffer, _, done) => this.#send(chunk, done),
      final: (done) => {
        if (!this.#closed) this.#connection.endWriting();
        done();
      },
    });
  }

  #send(chunk: Buffer, done: (error?: Error | null) => void): void {
    try {
      let rest = chunk;
      while (rest.length > 0 && !this.#closed) {
        if (!this.#connection.send(rest.subarray(0, INPUT_BYTES))) {
          this.#sendLater(rest, done);
          return;
        }
        rest = rest.subarray(INPUT_BYTES);
      }
      done();
    } catch (error) {
      // The process has ended, and does not need what we have; its output may still be on the way.
      done(KernelError.isKernel(error, 'EPIPE', 'ECONNRESET', 'ENOTCONN') ? null : (error as Error));
    }
  }

  #sendLater(rest: Buffer, done: (error?: Error | null) => void): void {
    this.#writing = this.#connection.watchWritable(() => {
      this.#writing?.[Symbol.dispose]();
      this.#writing = undefined;
      this.#send(rest, done);
    });
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#pause();
    this.#writing?.[Symbol.dispose]();
    this.#connection[Symbol.dispose]();
    this.#endStreams();
    this.stdin?.destroy();
  }

  #endStreams(): void {
    for (const stream of this.#wanted) if (!stream.destroyed) stream.push(null);
    this.#wanted.clear();
  }
}
