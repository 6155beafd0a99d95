/**
 * @module The streams of a process, by the socket that its conmon serves, for any number who attach.
 *
 * All share one connection, which stays until the process ends: when one of several goes, conmon 2.1.6 leaves the
 * next one out of what it is just sending; and unless it was told to leave standard input open, the end of any is the end
 * of that. What is said while nobody is attached is dropped here. Who does not read holds the process up in the end, as a
 * full pipe would.
 *
 * conmon sends messages whose first byte says the stream, and takes what we send as standard input; the end of our side
 * ends that input, unless it leaves it open.
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

type Done = (error?: Error | null) => void;

export interface StreamsOptions {
  /**
   * Standard input ends when the first who may write to it has ended it or has gone. Else, as with a terminal, it stays
   * open, and the end of what one has to say is the end of what that one hears.
   */
  readonly stdinOnce: boolean;
}

export class ProcessStreams implements Disposable {
  readonly #connection: SeqpacketConnection;
  readonly #stdinOnce: boolean;
  readonly #clients = new Set<Client>();
  /** What the clients wrote and conmon has no room for yet, in order. */
  readonly #input: { rest: Buffer; readonly done: Done }[] = [];
  #reading: Watch | undefined;
  #writing: Watch | undefined;
  #ended = false;

  private constructor(connection: SeqpacketConnection, options: StreamsOptions) {
    this.#connection = connection;
    this.#stdinOnce = options.stdinOnce;
    this.#balance();
  }

  /**
   * Connects to the process whose conmon works in `directory`. What comes before is lost: connect between launch and
   * startProcess. @throws KernelError ENOENT, ECONNREFUSED where no process is
   */
  static async connect(directory: string, options: StreamsOptions): Promise<ProcessStreams> {
    return new ProcessStreams(await SeqpacketConnection.connect(join(directory, 'attach')), options);
  }

  /** Streams for one more. Those that are not asked for end at once, and all do where the process has ended. */
  attach(options: AttachOptions): Attachment {
    const client = new Client(options, {
      balance: () => this.#balance(),
      write: (data, done) => this.#write(data, done),
      endInput: () => this.#endInput(client),
      leave: () => {
        this.#clients.delete(client);
        this.#balance();
      },
    });
    if (this.#ended) client.end();
    else this.#clients.add(client);
    this.#balance();
    return client;
  }

  /** Ends the streams of all; the process runs on. */
  [Symbol.dispose](): void {
    if (!this.#ended) this.#end();
  }

  /** Reads as long as all who listen have room, and keeps this process alive as long as anybody listens. */
  #balance(): void {
    if (this.#ended) return;
    if (this.#clients.values().some((client) => client.full)) {
      this.#reading?.[Symbol.dispose]();
      this.#reading = undefined;
      return;
    }
    this.#reading ??= this.#connection.watchReadable(() => this.#read());
    if (this.#clients.size > 0) this.#reading.ref();
    else this.#reading.unref();
  }

  #read(): void {
    while (this.#reading !== undefined) {
      const frame = this.#connection.receive();
      if (frame === undefined) return;
      if (frame.length === 0) {
        this.#end();
        return;
      }
      const stream = frame[0] === STDERR ? 'stderr' : 'stdout';
      for (const client of this.#clients) client.hear(stream, frame.subarray(1));
      this.#balance();
    }
  }

  #write(data: Buffer, done: Done): void {
    this.#input.push({ rest: data, done });
    if (this.#input.length === 1) this.#send();
  }

  #send(): void {
    for (let next = this.#input[0]; next !== undefined; next = this.#input[0]) {
      let failure: Error | undefined;
      try {
        while (next.rest.length > 0 && !this.#ended) {
          if (!this.#connection.send(next.rest.subarray(0, INPUT_BYTES))) {
            this.#sendLater();
            return;
          }
          next.rest = next.rest.subarray(INPUT_BYTES);
        }
      } catch (error) {
        // Where the process has ended it does not need what we have; its output may still be on the way.
        if (!KernelError.isKernel(error, 'EPIPE', 'ECONNRESET', 'ENOTCONN')) failure = error as Error;
      }
      this.#input.shift();
      next.done(failure);
    }
  }

  #sendLater(): void {
    this.#writing ??= this.#connection.watchWritable(() => {
      this.#writing?.[Symbol.dispose]();
      this.#writing = undefined;
      this.#send();
    });
  }

  #endInput(client: Client): void {
    if (!this.#stdinOnce) client.end();
    else if (!this.#ended) this.#connection.endWriting();
  }

  #end(): void {
    this.#ended = true;
    this.#reading?.[Symbol.dispose]();
    this.#reading = undefined;
    this.#writing?.[Symbol.dispose]();
    this.#writing = undefined;
    this.#connection[Symbol.dispose]();
    for (const client of this.#clients) client.end();
    this.#clients.clear();
    this.#send(); // to nobody: each gets its answer
  }
}

/** What a client has to do with those who share the process with it. Its last stream to close is its leaving. */
interface Process {
  /** It has room again, or need not be waited for. */
  balance(): void;
  write(data: Buffer, done: Done): void;
  endInput(): void;
  leave(): void;
}

class Client implements Attachment {
  readonly stdin?: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly #process: Process;
  /** Those that have not ended. */
  readonly #open = new Set<Readable | Writable>();
  readonly #full = new Set<Readable | Writable>();

  constructor(options: AttachOptions, process: Process) {
    this.#process = process;
    this.stdout = this.#output(options.stdout === true);
    this.stderr = this.#output(options.stderr === true);
    if (options.stdin === true) this.stdin = this.#input();
  }

  /** Whether the others have to wait for this one. */
  get full(): boolean {
    return this.#full.size > 0;
  }

  hear(stream: 'stdout' | 'stderr', data: Buffer): void {
    const readable = this[stream];
    if (this.#open.has(readable) && !readable.push(data)) this.#full.add(readable);
  }

  /** Nothing more comes, and nothing more is taken. What has come may still be read. */
  end(): void {
    for (const readable of [this.stdout, this.stderr]) {
      if (this.#open.has(readable)) readable.push(null);
      this.#close(readable);
    }
    this.stdin?.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.end();
  }

  /** A stream of it is no concern of the process any more. */
  #close(stream: Readable | Writable): void {
    this.#open.delete(stream);
    this.#full.delete(stream);
    if (this.#open.size === 0) this.#process.leave();
    else this.#process.balance();
  }

  #output(wanted: boolean): Readable {
    const readable: Readable = new Readable({
      read: () => {
        if (this.#full.delete(readable)) this.#process.balance();
      },
      destroy: (_error, done) => {
        this.#close(readable);
        done(null);
      },
    });
    if (wanted) this.#open.add(readable);
    else readable.push(null);
    return readable;
  }

  #input(): Writable {
    const writable: Writable = new Writable({
      write: (chunk: Buffer, _encoding, done) => this.#process.write(chunk, done),
      // Also once it has ended.
      destroy: (_error, done) => {
        this.#process.endInput();
        this.#close(writable);
        done(null);
      },
    });
    this.#open.add(writable);
    return writable;
  }
}
