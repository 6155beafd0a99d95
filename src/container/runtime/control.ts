/**
 * @module Commands to a running conmon, by the fifo `ctl` in its directory: the terminal's size.
 * @see conmon, src/ctrl.c
 */

import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { PontoonError } from '../../errors.ts';

const WIN_RESIZE_EVENT = 1;
/** What conmon takes at most. */
const LIMIT = 1000;

/** Changes the size of the terminal of the process whose conmon works in `directory`. @throws PontoonError container-state, bad-value */
export async function resize(directory: string, rows: number, columns: number): Promise<void> {
  if (![rows, columns].every((size) => Number.isInteger(size) && size >= 0)) {
    throw new PontoonError('bad-value', `a terminal of ${rows} by ${columns} cannot be: say whole numbers`);
  }
  const [height, width] = [rows, columns].map((size) => Math.min(size, LIMIT));
  await command(directory, `${WIN_RESIZE_EVENT} ${height} ${width}\n`);
}

async function command(directory: string, line: string): Promise<void> {
  let fifo: Awaited<ReturnType<typeof open>>;
  try {
    fifo = await open(join(directory, 'ctl'), constants.O_WRONLY | constants.O_NONBLOCK);
  } catch (cause) {
    // No fifo, or nobody who reads it (ENXIO).
    throw new PontoonError('container-state', 'the process does not run any more', { cause, subject: directory });
  }
  try {
    await fifo.write(line);
  } finally {
    await fifo.close();
  }
}
