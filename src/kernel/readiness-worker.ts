/**
 * @module The thread of readiness.ts: it waits in epoll and posts the numbers of the descriptors that are ready.
 *
 * While it runs it never returns to its event loop, and needs none: postMessage works from where it stands. What makes
 * system calls is loaded only when the other thread is known to wait for the end of it.
 */

import { parentPort, workerData } from 'node:worker_threads';
import { DONE, RUNNING, STARTING, STOP, type WorkerData } from './readiness-state.ts';
import { EPOLL_EVENT_BYTES, EPOLL_EVENT_DATA } from './uapi/eventpoll.ts';

const CAPACITY = 64;
const { epoll, state } = workerData as WorkerData;

if (Atomics.compareExchange(state, 0, STARTING, RUNNING) === STARTING) {
  try {
    const { epollWait } = await import('./ffi.ts');
    const events = Buffer.alloc(CAPACITY * EPOLL_EVENT_BYTES);
    for (let running = true; running; ) {
      const ready: number[] = [];
      const count = epollWait(epoll, events, CAPACITY);
      for (let index = 0; index < count; index++) {
        const id = events.readUIntLE(index * EPOLL_EVENT_BYTES + EPOLL_EVENT_DATA, 6);
        if (id === STOP) running = false;
        else ready.push(id);
      }
      if (ready.length > 0) parentPort?.postMessage(ready);
    }
  } finally {
    Atomics.store(state, 0, DONE);
    Atomics.notify(state, 0);
  }
}
