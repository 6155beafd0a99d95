/**
 * @module Those who are attached to a container. One may attach before it starts: it is connected to the process's
 * streams when the process is there and has not begun to run, so that nothing is missed.
 */

import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { KernelError } from '../kernel/error.ts';
import type { Attachment, AttachOptions } from './types.ts';

/** Connects to the streams of the process that is there. */
export type Connect = (options: AttachOptions) => Promise<Attachment>;

export class Attachments {
  readonly #waiting = new Set<WaitingAttachment>();

  /** Streams that stay silent until the container starts. `onError` is told what breaks them then. */
  wait(options: AttachOptions, onError: (error: Error) => void): Attachment {
    const attachment = new WaitingAttachment(options, onError, () => this.#waiting.delete(attachment));
    this.#waiting.add(attachment);
    return attachment;
  }

  /** Connects all who wait, before the process runs. */
  async connect(connect: Connect): Promise<void> {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    await Promise.all(waiting.map((attachment) => attachment.connect(connect)));
  }

  /** Ends the streams of those who wait for a start that will not come. */
  end(): void {
    for (const attachment of this.#waiting) attachment.end();
    this.#waiting.clear();
  }
}

class WaitingAttachment implements Attachment {
  readonly stdin?: PassThrough;
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  readonly #options: AttachOptions;
  readonly #onError: (error: Error) => void;
  readonly #forget: () => void;
  #connected: Attachment | undefined;

  constructor(options: AttachOptions, onError: (error: Error) => void, forget: () => void) {
    this.#options = options;
    this.#onError = onError;
    this.#forget = forget;
    if (options.stdin === true) this.stdin = new PassThrough();
  }

  async connect(connect: Connect): Promise<void> {
    this.#connected = await connect(this.#options);
    const { stdin, stdout, stderr } = this.#connected;
    const piping = [pipeline(stdout, this.stdout), pipeline(stderr, this.stderr)];
    if (this.stdin !== undefined && stdin !== undefined) piping.push(pipeline(this.stdin, stdin));
    for (const pipe of piping) pipe.catch((error: Error) => isOrdinaryEnd(error) || this.#onError(error));
  }

  end(): void {
    this.stdout.end();
    this.stderr.end();
    this.stdin?.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#forget();
    for (const stream of [this.stdin, this.stdout, this.stderr]) stream?.destroy();
    await this.#connected?.[Symbol.asyncDispose]();
  }
}

/** A client goes away before the streams' end, or a process before its input's. */
export function isOrdinaryEnd(error: Error): boolean {
  const { code = '' } = error as NodeJS.ErrnoException;
  return (
    ['ERR_STREAM_PREMATURE_CLOSE', 'EPIPE', 'ECONNRESET'].includes(code) ||
    KernelError.isKernel(error, 'EPIPE', 'ECONNRESET')
  );
}
