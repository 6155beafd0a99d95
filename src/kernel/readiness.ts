/**
 * @module Readiness: a callback when a descriptor can be read or written, for those that Node.js cannot watch (netlink multicast,
 * packet sockets, seqpacket, pty).
 *
 * One epoll, one worker thread that waits in it. Each descriptor is armed for one event (EPOLLONESHOT); the worker posts
 * which are ready; the main thread calls back, and only then arms the descriptor again. So nobody spins while the main
 * thread is busy, and yet what a callback leaves unread is told again: it behaves as level-triggered.
 *
 * A watch does not keep the process alive unless it is asked to (`ref`). The worker starts with the first watch. At exit
 * an eventfd wakes it, and the exit waits for its last system call: Node.js ends a worker wherever it is, and koffi, ended
 * while it declares functions, aborts the whole process.
 */

import { writeSync } from 'node:fs';
import { getCompileCacheDir } from 'node:module';
import { dirname } from 'node:path';
import { isMainThread, Worker } from 'node:worker_threads';
import * as ffi from './ffi.ts';
import { DONE, RUNNING, STARTING, STOP, type WorkerData } from './readiness-state.ts';
import { EPOLL_EVENT_BYTES, EPOLL_EVENT_DATA } from './uapi/eventpoll.ts';

export interface Watch extends Disposable {
  /** Keeps the process alive until `unref` or the end of the watch. */
  ref(): void;
  unref(): void;
}

/** A watch with the number by which epoll knows it: never used twice, unlike descriptors. */
interface Entry {
  readonly fd: number;
  readonly events: number;
  readonly onReady: () => void;
  held: boolean;
}

const WORKER = import.meta.url.endsWith('.ts')
  ? new URL('./readiness-worker.ts', import.meta.url)
  : new URL('./readiness-worker.js', import.meta.url);

class Readiness {
  readonly #epoll = ffi.epollCreate();
  readonly #wake = ffi.eventfd();
  /** One number that both threads see: how far the worker is. */
  readonly #state = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  readonly #entries = new Map<number, Entry>();
  #serial = STOP;
  #holds = 0;
  #worker: Worker | undefined;

  constructor() {
    ffi.epollControl(this.#epoll, ffi.EPOLL_CTL_ADD, this.#wake, epollEvent(ffi.EPOLLIN, STOP));
    // A thread is born in the network namespace of the one that makes it. The first watch may be made inside a step in
    // another namespace; a microtask runs after that step.
    queueMicrotask(() => this.#start());
    process.once('exit', () => this.#stop());
  }

  watch(fd: number, events: number, onReady: () => void): Watch {
    const id = ++this.#serial;
    const entry: Entry = { fd, events, onReady, held: false };
    ffi.epollControl(this.#epoll, ffi.EPOLL_CTL_ADD, fd, armed(entry, id));
    this.#entries.set(id, entry);
    return {
      ref: () => this.#hold(id, true),
      unref: () => this.#hold(id, false),
      [Symbol.dispose]: () => {
        this.#hold(id, false);
        if (this.#entries.delete(id)) ffi.epollControl(this.#epoll, ffi.EPOLL_CTL_DEL, fd, null);
      },
    };
  }

  #start(): void {
    const worker = new Worker(WORKER, {
      workerData: { epoll: this.#epoll, state: this.#state } satisfies WorkerData,
      execArgv: [],
      env: cachedEnvironment(),
      name: 'pontoon-readiness',
    });
    worker.on('message', (ids: number[]) => this.#deliver(ids));
    // Without a worker nothing would ever be ready again: better an uncaught error than silence.
    worker.on('error', (error) => {
      Atomics.store(this.#state, 0, DONE);
      throw error;
    });
    this.#worker = worker;
    if (this.#holds === 0) worker.unref();
  }

  #deliver(ids: readonly number[]): void {
    for (const id of ids) {
      const entry = this.#entries.get(id);
      if (entry === undefined) continue; // ended after the worker saw it
      try {
        entry.onReady();
      } catch (error) {
        queueMicrotask(() => {
          throw error; // uncaught, and the others that are ready still get their call
        });
      }
      if (this.#entries.has(id)) ffi.epollControl(this.#epoll, ffi.EPOLL_CTL_MOD, entry.fd, armed(entry, id));
    }
  }

  #hold(id: number, held: boolean): void {
    const entry = this.#entries.get(id);
    if (entry === undefined || entry.held === held) return;
    entry.held = held;
    this.#holds += held ? 1 : -1;
    if (this.#holds === 0) this.#worker?.unref();
    else this.#worker?.ref();
  }

  /** Ends the worker: one that has not begun with system calls never will; else waits until it has made its last. */
  #stop(): void {
    const state = Atomics.compareExchange(this.#state, 0, STARTING, DONE);
    if (state !== RUNNING) return;
    writeSync(this.#wake, new BigUint64Array([1n]));
    Atomics.wait(this.#state, 0, RUNNING);
  }
}

/**
 * A thread does not inherit the compile cache, only its variable. Without it the worker takes the types out of our sources
 * itself, which costs 100 ms and 25 MB.
 */
function cachedEnvironment(): NodeJS.ProcessEnv {
  const directory = getCompileCacheDir();
  return directory === undefined ? process.env : { ...process.env, NODE_COMPILE_CACHE: dirname(directory) };
}

let readiness: Readiness | undefined;

/**
 * Calls back on this thread whenever `fd` can be read (or has failed or hung up), as long as it stays so. The callback
 * reads without blocking; what it throws is an uncaught exception. End the watch before the descriptor is closed.
 * @throws KernelError EEXIST where the descriptor is watched already, EPERM where it is a regular file; Error on a thread
 *   other than the main one, which may be terminated without a word
 */
export function watchReadable(fd: number, onReadable: () => void): Watch {
  return readinessOfMainThread().watch(fd, ffi.EPOLLIN, onReadable);
}

/**
 * Calls back on this thread whenever `fd` has room for more, as watchReadable does. A descriptor has one watch: to watch
 * both ways, watch a duplicate.
 */
export function watchWritable(fd: number, onWritable: () => void): Watch {
  return readinessOfMainThread().watch(fd, ffi.EPOLLOUT, onWritable);
}

/** Waits until `fd` can be read; keeps the process alive meanwhile. @throws KernelError, and the reason of `signal` */
export function readable(fd: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const end = (settle: () => void) => {
      watch[Symbol.dispose]();
      signal?.removeEventListener('abort', onAbort);
      settle();
    };
    const onAbort = () => end(() => reject(signal?.reason));
    const watch = watchReadable(fd, () => end(resolve));
    watch.ref();
    signal?.addEventListener('abort', onAbort);
  });
}

function readinessOfMainThread(): Readiness {
  if (!isMainThread) throw new Error('descriptors are watched on the main thread only');
  readiness ??= new Readiness();
  return readiness;
}

function armed({ events }: Entry, id: number): Buffer {
  return epollEvent(events | ffi.EPOLLONESHOT, id);
}

/** struct epoll_event */
function epollEvent(events: number, id: number): Buffer {
  const event = Buffer.alloc(EPOLL_EVENT_BYTES);
  event.writeUInt32LE(events, 0);
  event.writeUIntLE(id, EPOLL_EVENT_DATA, 6);
  return event;
}
