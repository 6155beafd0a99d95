/**
 * @module conmon: the small process that stays with each container or exec. It has the runtime create it, keeps its
 * streams and writes them to the log, serves those who attach, and leaves the exit code in a file.
 *
 * It outlives us. We speak to it through pipes while it starts (sync: it reports; start: it waits for us; attach: it
 * says that its socket listens) and through files in its directory afterwards (attach, ctl).
 * @see conmon(8), src/conmon.c
 */

import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { PontoonError } from '../../errors.ts';
import { programMissing } from '../program-path.ts';
import { programEnvironment } from './program.ts';
import { type SyncMessage, SyncPipe } from './sync-pipe.ts';

/** Descriptors of the child; conmon closes those from 5 on before it tells an exit code. */
const SYNC_FD = 3;
const START_FD = 4;
const ATTACH_FD = 5;

/** A conmon that has begun, and has not been told to go on yet. */
export class Conmon implements Disposable {
  readonly #child: ChildProcess;
  readonly #sync: SyncPipe;
  readonly #attach: SyncPipe | undefined;
  #errors = '';
  #missing = false;
  #proceeded = false;

  /** @throws what spawn throws (ENOENT, EAGAIN) by the first `report` */
  constructor(
    path: string,
    args: readonly string[],
    options: { readonly directory: string; readonly waitsForAttach?: boolean },
  ) {
    const { directory, waitsForAttach = false } = options;
    this.#child = spawn(path, args, {
      cwd: directory, // where it leaves the file `oom`
      detached: true,
      env: {
        ...programEnvironment(),
        _OCI_SYNCPIPE: String(SYNC_FD),
        _OCI_STARTPIPE: String(START_FD),
        ...(waitsForAttach ? { _OCI_ATTACHPIPE: String(ATTACH_FD) } : {}),
      },
      stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe', ...(waitsForAttach ? (['pipe'] as const) : [])],
    });
    this.#child.on('error', (error: NodeJS.ErrnoException) => {
      this.#missing = error.code === 'ENOENT' || error.code === 'EACCES';
      this.#errors = error.message;
    });
    // Without descriptors to spare, spawn makes none of the pipes; the types do not know that.
    if ((this.#child.stdio as unknown) === undefined) throw this.#failure('too many files are open');
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text;
    });
    this.#sync = new SyncPipe(this.#pipe(SYNC_FD) as Readable);
    this.#attach = waitsForAttach ? new SyncPipe(this.#pipe(ATTACH_FD) as Readable) : undefined;
    this.#start.on('error', () => {}); // a conmon that has failed does not read: `report` says why
  }

  /** Lets it go on; with an attach pipe, a second time. */
  proceed(): void {
    this.#proceeded = true;
    this.#start.write('\0');
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
    for (const stream of this.#child.stdio) stream?.destroy();
    this.#child.unref();
  }

  #pipe(fd: number): Readable | Writable {
    // The type of `stdio` knows five of them.
    return (this.#child.stdio as readonly unknown[])[fd] as Readable | Writable;
  }

  get #start(): Writable {
    return this.#pipe(START_FD) as Writable;
  }

  #failure(why = 'it ended without a word'): PontoonError {
    if (this.#missing) return programMissing('conmon', 'conmon');
    const words = this.#errors.trim() || why;
    return new PontoonError('program', `conmon failed: ${words.replaceAll(/\[conmon:\w\]: /g, '')}`, {
      subject: 'conmon',
    });
  }
}
