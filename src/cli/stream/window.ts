/**
 * @module The size of the terminal: told to the process in the container now, and each time it changes.
 */

import type { ApiClient } from '../api/client.ts';
import { ApiError } from '../api/client.ts';

/** [rows, columns]; zeros where there is no terminal. */
export function windowSize(): readonly [rows: number, columns: number] {
  return process.stdout.isTTY ? [process.stdout.rows, process.stdout.columns] : [0, 0];
}

/** @param path - '/containers/ID' or '/exec/ID' */
export function followWindow(api: ApiClient, path: string): Disposable {
  const tell = () => {
    const [h, w] = windowSize();
    if (h === 0 && w === 0) return;
    // A process that has not begun or has ended has no size; there is nobody to tell.
    api.post(`${path}/resize`, { query: { h, w } }).catch((error: unknown) => {
      if (!(error instanceof ApiError)) process.emitWarning(error instanceof Error ? error : String(error));
    });
  };
  tell();
  process.stdout.on('resize', tell);
  return { [Symbol.dispose]: () => void process.stdout.off('resize', tell) };
}
