/**
 * @module Waits until nobody works: what a daemon still does after it has answered is charged to nobody else.
 */

import { cpus } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { settle } from './settle.ts';

const WINDOW_MS = 100;
/** Of the time of all processors. */
const BUSY = 0.05;
/** A machine that others use may never be quiet. */
const PATIENCE_MS = 3000;

export async function quiet(): Promise<void> {
  await settle();
  for (const deadline = performance.now() + PATIENCE_MS; performance.now() < deadline; ) {
    const before = processorTimes();
    await setTimeout(WINDOW_MS);
    const after = processorTimes();
    if ((after.busy - before.busy) / (after.all - before.all) < BUSY) return;
  }
}

function processorTimes(): { readonly busy: number; readonly all: number } {
  let [busy, all] = [0, 0];
  for (const { times } of cpus()) {
    const sum = Object.values(times).reduce((total, ms) => total + ms, 0);
    all += sum;
    busy += sum - times.idle;
  }
  return { busy, all };
}
