/** @module What the two threads of readiness.ts share. */

/** The worker has not begun with system calls, and asks before it does. */
export const STARTING = 0;
/** It declares or makes system calls, and must not be ended now. */
export const RUNNING = 1;
/** It has made its last, or shall make none. */
export const DONE = 2;

/** The number of the eventfd that ends the worker. */
export const STOP = 0;

export interface WorkerData {
  /** The epoll descriptor. */
  readonly epoll: number;
  /** One element, in shared memory: STARTING, RUNNING or DONE. */
  readonly state: Int32Array;
}
