/**
 * @module Child processes by posix_spawn. Node.js forks: it copies the page tables of the whole process while the event
 * loop stands still, 6 ms for a daemon of 150 MB, where this takes half a millisecond.
 *
 * A child may be started and forgotten: it is reaped.
 */

import { closeSync, constants, openSync } from 'node:fs';
import { constants as osConstants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import * as ffi from './ffi.ts';
import { whenEnded } from './pidfd.ts';

/**
 * What a descriptor of the child is: one of ours, /dev/null, or one end of a new pipe: 'output' is written by the child
 * and read by us, 'input' the other way round.
 */
export type Descriptor = number | 'null' | 'output' | 'input';

export interface SpawnOptions {
  /** Without the program's own name. */
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Default: '/'. */
  readonly directory?: string;
  /** The child's descriptors from 0 on. Ours stay open here. Default: /dev/null three times. */
  readonly descriptors?: readonly Descriptor[];
  /** A session of its own. Default: false. */
  readonly session?: boolean;
}

/** How a process ended: one of the two is there. */
export interface Ended {
  readonly exitCode?: number;
  readonly signal?: NodeJS.Signals;
}

export interface Child {
  readonly pid: number;
  /** By the child's descriptor: our ends of the pipes, for the caller to close. */
  readonly pipes: ReadonlyMap<number, number>;
  /** Keeps this process alive until then. Never rejects. */
  readonly ended: Promise<Ended>;
  /** Nothing happens where it has ended. */
  kill(signal: NodeJS.Signals): void;
}

const POLL_MS = 20;
const NULL = ['null', 'null', 'null'] as const;
const SIGNALS = new Map(Object.entries(osConstants.signals).map(([name, number]) => [number, name as NodeJS.Signals]));

/** Starts a program by its path. @throws KernelError ENOENT, EACCES, EAGAIN, EMFILE, …: nothing has started then */
export function spawn(path: string, options: SpawnOptions): Child {
  const { args, environment, directory = '/', descriptors = NULL, session = false } = options;
  const pipes = new Map<number, number>();
  const ofChild: number[] = [];
  const own = (fd: number): number => {
    ofChild.push(fd);
    return fd;
  };
  const open = (descriptor: Exclude<Descriptor, number>, place: number): number => {
    if (descriptor === 'null') return openSync('/dev/null', constants.O_RDWR);
    const [read, write] = ffi.pipe();
    const [theirs, ours] = descriptor === 'output' ? [write, read] : [read, write];
    pipes.set(place, ours);
    return theirs;
  };
  let pid: number;
  try {
    const sources = descriptors.map((descriptor, place) => {
      const fd = typeof descriptor === 'number' ? descriptor : own(open(descriptor, place));
      // Not where another one of the child's will have been put by the time that this one is looked for.
      return fd === place || fd >= descriptors.length ? fd : own(ffi.duplicate(fd, descriptors.length));
    });
    pid = ffi.posixSpawn({
      path,
      argv: [path, ...args],
      environment: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
      directory,
      descriptors: sources,
      session,
    });
  } catch (error) {
    for (const fd of pipes.values()) closeSync(fd);
    throw error;
  } finally {
    for (const fd of ofChild) closeSync(fd);
  }
  return new SpawnedChild(pid, pipes);
}

class SpawnedChild implements Child {
  readonly pid: number;
  readonly pipes: ReadonlyMap<number, number>;
  readonly ended: Promise<Ended>;
  #hasEnded = false;

  constructor(pid: number, pipes: ReadonlyMap<number, number>) {
    this.pid = pid;
    this.pipes = pipes;
    this.ended = this.#end();
  }

  kill(signal: NodeJS.Signals): void {
    // Until it is reaped here, its number is nobody else's.
    if (!this.#hasEnded) process.kill(this.pid, signal);
  }

  async #end(): Promise<Ended> {
    await whenEnded(this.pid).catch(() => {}); // without a descriptor to spare its end is asked for
    for (;;) {
      const status = ffi.reap(this.pid);
      if (status !== undefined) return this.#endedWith(status);
      await sleep(POLL_MS);
    }
  }

  #endedWith(status: number): Ended {
    this.#hasEnded = true;
    const signal = SIGNALS.get(status & 0x7f);
    return signal === undefined ? { exitCode: (status >> 8) & 0xff } : { signal };
  }
}
