/**
 * @module The thread of readiness.ts: it waits in epoll and posts the numbers of the descriptors that are ready.
 *
 * It never returns to its event loop, and needs none: postMessage works from where it stands.
 */

import { parentPort, workerData } from 'node:worker_threads';
import { epollWait } from './ffi.ts';
import { EPOLL_EVENT_BYTES, EPOLL_EVENT_DATA } from './uapi/eventpoll.ts';

export interface WorkerData {
  /** The epoll descriptor. */
  readonly epoll: number;
  /** The number whose event ends the thread. */
  readonly stop: number;
  /** How long one wait may last; -1 for ever. */
  readonly timeoutMs: number;
}

const { epoll, stop, timeoutMs } = workerData as WorkerData;
const CAPACITY = 64;
const events = Buffer.alloc(CAPACITY * EPOLL_EVENT_BYTES);

for (let running = true; running; ) {
  const ready: number[] = [];
  const count = epollWait(epoll, events, CAPACITY, timeoutMs);
  for (let index = 0; index < count; index++) {
    const id = events.readUIntLE(index * EPOLL_EVENT_BYTES + EPOLL_EVENT_DATA, 6);
    if (id === stop) running = false;
    else ready.push(id);
  }
  if (ready.length > 0) parentPort?.postMessage(ready);
}
