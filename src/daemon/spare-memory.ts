/**
 * @module Memory that was needed once. malloc(3) keeps what is freed for whoever asks next; of a daemon that has nothing
 * to do that is some 7 MB after its start, more after a busy hour. It is given back when nobody has asked for anything
 * in a while.
 */

import type { FastifyInstance } from 'fastify';
import { trimHeap } from '../kernel/heap.ts';

/** Long beside the time between the requests of one command, so that it costs nobody anything. */
const QUIET_MS = 2000;

/** Call it before the application is ready. It ends with the application, and does not keep the process alive. */
export function giveBackWhenQuiet(app: FastifyInstance): void {
  const timer = setTimeout(trimHeap, QUIET_MS).unref();
  app.addHook('onResponse', async () => {
    timer.refresh();
  });
  app.addHook('onClose', async () => clearTimeout(timer));
}
