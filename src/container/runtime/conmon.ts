/**
 * @module conmon: the small process that stays with each container or exec. It has the runtime create it, keeps its
 * streams and writes them to the log, serves those who attach, and leaves the exit code in a file.
 *
 * It outlives us. We speak to it through pipes while it starts (sync: it reports; start: it waits for us; attach: it
 * says that its socket listens) and through files in its directory afterwards (attach, ctl).
 * @see conmon(8), src/conmon.c
 */

import { closeSync, writeSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { PontoonError } from '../../errors.ts';
import { KernelError } from '../../kernel/error.ts';
import { type Child, spawn } from '../../kernel/spawn.ts';
import { programMissing } from '../program-path.ts';
import { programEnvironment, readPipe } from './program.ts';
import { type SyncMessage, SyncPipe } from './sync-pipe.ts';

/** Descriptors of the child; conmon closes those from 5 on before it tells an exit code. */
const STDERR_FD = 2;
const SYNC_FD = 3;
const START_FD = 4;
const ATTACH_FD = 5;

/** A conmon that has begun, and has not been told to go on yet. */
export class Conmon implements Disposable {
  readonly #child: Child;
  readonly #streams: Readable[] = [];
  readonly #sync: SyncPipe;
  readonly #attach: SyncPipe | undefined;
  #start: number | undefined;
  #errors = '';
  #proceeded = false;

  /** @throws PontoonError program-missing, program where the system has no room for it */
  constructor(
    path: string,
    args: readonly string[],
    options: { readonly directory: string; readonly waitsForAttach?: boolean },
  ) {
    const { directory, waitsForAttach = false } = options;
    try {
      this.#child = spawn(path, {
        args,
        directory, // where it leaves the file `oom`
        session: true,
        environment: {
          ...programEnvironment(),
          _OCI_SYNCPIPE: String(SYNC_FD),
          _OCI_STARTPIPE: String(START_FD),
          ...(waitsForAttach ? { _OCI_ATTACHPIPE: String(ATTACH_FD) } : {}),
        },
        descriptors: ['null', 'null', 'output', 'output', 'input', ...(waitsForAttach ? (['output'] as const) : [])],
      });
    } catch (error) {
      if (KernelError.isKernel(error, 'ENOENT', 'EACCES')) throw programMissing('conmon', 'conmon');
      if (KernelError.isKernel(error)) throw this.#failure(error.message);
      throw error;
    }
    this.#start = this.#child.pipes.get(START_FD);
    this.#read(STDERR_FD)
      .setEncoding('utf8')
      .on('data', (text: string) => {
        this.#errors += text;
      });
    this.#sync = new SyncPipe(this.#read(SYNC_FD));
    this.#attach = waitsForAttach ? new SyncPipe(this.#read(ATTACH_FD)) : undefined;
  }

  /** Lets it go on; with an attach pipe, a second time. */
  proceed(): void {
    this.#proceeded = true;
    try {
      if (this.#start !== undefined) writeSync(this.#start, '\0');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error; // it has failed: `report` says why
    }
  }

  /** Waits until its attach socket listens. @throws PontoonError program */
  async listening(): Promise<void> {
    if ((await this.#attach?.next()) === undefined) throw this.#failure();
  }

  /** What it reports next: a process ID, then for an exec the exit code. @throws PontoonError program */
  async report(): Promise<SyncMessage> {
    const message = await this.#sync.next();
    if (message === undefined) throw this.#failure();
    return message;
  }

  /** We have heard all that we need; it lives on, unless it was never told to go on. */
  [Symbol.dispose](): void {
    if (!this.#proceeded) this.#child.kill('SIGKILL');
    for (const stream of this.#streams) stream.destroy();
    if (this.#start !== undefined) closeSync(this.#start);
    this.#start = undefined;
  }

  #read(descriptor: number): Readable {
    const stream = readPipe(this.#child.pipes.get(descriptor)!);
    this.#streams.push(stream);
    return stream;
  }

  #failure(why = 'it ended without a word'): PontoonError {
    const words = this.#errors.trim() || why;
    return new PontoonError('program', `conmon failed: ${words.replaceAll(/\[conmon:\w\]: /g, '')}`, {
      subject: 'conmon',
    });
  }
}
