/**
 * @module The lines that conmon writes to its parent: {"data": N, "message"?: "…"}, N being a process ID, an exit code,
 * or -1 with the reason why there is neither.
 * @see conmon, src/parent_pipe_fd.c
 */

import type { Readable } from 'node:stream';

export interface SyncMessage {
  readonly data: number;
  readonly message: string;
}

/** Reads one line after the other; keeps what comes in between. */
export class SyncPipe {
  readonly #lines: SyncMessage[] = [];
  readonly #waiting: ((message: SyncMessage | undefined) => void)[] = [];
  #rest = '';
  #ended = false;

  constructor(stream: Readable) {
    stream.setEncoding('utf8');
    stream.on('data', (text: string) => this.#take(text));
    stream.on('error', () => this.#end()); // conmon is gone: nothing more will come
    stream.on('close', () => this.#end());
  }

  /** The next line, or undefined when conmon has closed its end. */
  next(): Promise<SyncMessage | undefined> {
    const message = this.#lines.shift();
    if (message !== undefined || this.#ended) return Promise.resolve(message);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#deliver(parse(line));
  }

  #deliver(message: SyncMessage): void {
    const resolve = this.#waiting.shift();
    if (resolve === undefined) this.#lines.push(message);
    else resolve(message);
  }

  #end(): void {
    this.#ended = true;
    for (const resolve of this.#waiting.splice(0)) resolve(undefined);
  }
}

/** conmon does not escape all that JSON wants escaped, and a message may quote what a user typed. */
function parse(line: string): SyncMessage {
  const printable = line.replaceAll(/\p{Cc}/gu, ' ');
  try {
    const { data, message = '' } = JSON.parse(printable) as { data: number; message?: string };
    return { data, message };
  } catch {
    return { data: -1, message: printable };
  }
}
