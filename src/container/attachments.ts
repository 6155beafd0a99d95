/**
 * @module Those who are attached to a container. One may attach before it starts: it is connected to the process's
 * streams when the process is there and has not begun to run, so that nothing is missed.
 */

import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Attachment, AttachOptions } from './types.ts';

/** Connects to the streams of the process that is there. */
export type Connect = (options: AttachOptions) => Promise<Attachment>;

interface Waiting extends Disposable {
  connect(connect: Connect): Promise<void>;
  end(): void;
}

export class Attachments {
  readonly #waiting = new Set<Waiting>();

  /** Streams that stay silent until the container starts. */
  wait(options: AttachOptions, onError: (error: Error) => void): Attachment {
    const stdin = options.stdin === true ? new PassThrough() : undefined;
    const stdout = new PassThrough();
    const stderr = new PassThrough();
    let connected: Attachment | undefined;
    const end = (): void => {
      this.#waiting.delete(waiting);
      stdout.end();
      stderr.end();
      stdin?.destroy();
    };
    const follow = (piping: Promise<void>): void => {
      piping.catch((error: NodeJS.ErrnoException) => {
        // A client that goes away closes its streams before their end.
        if (error.code !== 'ERR_STREAM_PREMATURE_CLOSE') onError(error);
      });
    };
    const waiting: Waiting = {
      connect: async (connect) => {
        this.#waiting.delete(waiting);
        connected = await connect(options);
        follow(pipeline(connected.stdout, stdout));
        follow(pipeline(connected.stderr, stderr));
        if (stdin !== undefined && connected.stdin !== undefined) follow(pipeline(stdin, connected.stdin));
      },
      end,
      [Symbol.dispose]: end,
    };
    this.#waiting.add(waiting);
    return {
      ...(stdin === undefined ? {} : { stdin }),
      stdout,
      stderr,
      [Symbol.asyncDispose]: async () => {
        end();
        await connected?.[Symbol.asyncDispose]();
      },
    };
  }

  /** Connects all who wait, before the process runs. */
  async connect(connect: Connect): Promise<void> {
    await Promise.all([...this.#waiting].map((waiting) => waiting.connect(connect)));
  }

  /** Ends the streams of those who wait for a start that will not come. */
  end(): void {
    for (const waiting of this.#waiting) waiting.end();
  }
}
