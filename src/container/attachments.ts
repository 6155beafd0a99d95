/**
 * @module Those who are attached to a container. One may attach before it starts: it is connected to the process's
 * streams when the process is there and has not begun to run, so that nothing is missed.
 */

import { PassThrough, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { KernelError } from '../kernel/error.ts';
import type { ProcessStreams } from './runtime/index.ts';
import type { Attachment, AttachOptions } from './types.ts';

/** Connects to the streams of the process that is there. @throws KernelError */
export type Connect = () => Promise<ProcessStreams>;

export class Attachments {
  readonly #waiting = new Set<WaitingAttachment>();
  /** Of this run, once anybody has attached to it. */
  #streams: Promise<ProcessStreams> | undefined;

  /** Streams that stay silent until the container starts. `onError` is told what breaks them then. */
  wait(options: AttachOptions, onError: (error: Error) => void): Attachment {
    const attachment = new WaitingAttachment(options, onError, () => this.#waiting.delete(attachment));
    this.#waiting.add(attachment);
    return attachment;
  }

  /** Connects all who wait, before the process runs. @throws KernelError */
  async begin(connect: Connect): Promise<void> {
    this.#streams = undefined;
    await Promise.all(
      [...this.#waiting].map(async (one) => {
        const attachment = await this.join(connect, one.options);
        this.#waiting.delete(one);
        await one.connected(attachment);
      }),
    );
  }

  /** Streams of the process that runs. @throws KernelError ENOENT, ECONNREFUSED where it has ended */
  async join(connect: Connect, options: AttachOptions): Promise<Attachment> {
    this.#streams ??= connect();
    const streams = this.#streams;
    try {
      return (await streams).attach(options);
    } catch (error) {
      if (this.#streams === streams) this.#streams = undefined;
      throw error;
    }
  }

  /** Ends the streams of all; the process runs on. */
  async close(): Promise<void> {
    this.end();
    const streams = await this.#streams?.catch(() => undefined); // whoever joined was told
    streams?.[Symbol.dispose]();
  }

  /** Ends the streams of those who wait for a start that will not come. */
  end(): void {
    for (const attachment of this.#waiting) attachment.end();
    this.#waiting.clear();
  }
}

class WaitingAttachment implements Attachment {
  readonly options: AttachOptions;
  readonly stdin?: Writable;
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  readonly #onError: (error: Error) => void;
  readonly #forget: () => void;
  /** The standard input of the process, once it is there. */
  readonly #input = Promise.withResolvers<Writable>();
  #connected: Attachment | undefined;
  #disposed = false;

  constructor(options: AttachOptions, onError: (error: Error) => void, forget: () => void) {
    this.options = options;
    this.#onError = (error) => isOrdinaryEnd(error) || onError(error);
    this.#forget = forget;
    if (options.stdin === true) this.stdin = this.#forwarding();
  }

  /** From now on its streams are those of the process. */
  async connected(attachment: Attachment): Promise<void> {
    if (this.#disposed) return attachment[Symbol.asyncDispose](); // it went while we connected
    this.#connected = attachment;
    const { stdin, stdout, stderr } = attachment;
    pipeline(stdout, this.stdout).catch(this.#onError);
    pipeline(stderr, this.stderr).catch(this.#onError);
    if (stdin === undefined) return;
    stdin.on('error', this.#onError).once('close', () => this.stdin?.destroy());
    this.#input.resolve(stdin);
  }

  end(): void {
    this.stdout.end();
    this.stderr.end();
    this.stdin?.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    this.#forget();
    for (const stream of [this.stdin, this.stdout, this.stderr]) stream?.destroy();
    await this.#connected?.[Symbol.asyncDispose]();
  }

  /** No PassThrough: what has been written has been taken, and it has finished when the other one has. */
  #forwarding(): Writable {
    const forwarding = new Writable({
      write: (chunk: Buffer, _encoding, done) => void this.#input.promise.then((stdin) => stdin.write(chunk, done)),
      final: (done) => void this.#input.promise.then((stdin) => stdin.end(done)),
    });
    return forwarding.on('error', this.#onError);
  }
}

/** A client goes away before the streams' end, or a process before its input's. */
export function isOrdinaryEnd(error: Error): boolean {
  const { code = '' } = error as NodeJS.ErrnoException;
  return (
    ['ABORT_ERR', 'ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_DESTROYED', 'EPIPE', 'ECONNRESET'].includes(code) ||
    KernelError.isKernel(error, 'EPIPE', 'ECONNRESET')
  );
}
