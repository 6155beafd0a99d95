/**
 * @module The size of the terminal: told to the process in the container now, and each time it changes.
 */

import type { ApiClient } from '../api/client.ts';

/** [rows, columns]; zeros where there is no terminal. */
export function windowSize(): readonly [rows: number, columns: number] {
  return process.stdout.isTTY ? [process.stdout.rows, process.stdout.columns] : [0, 0];
}

/** Until it is disposed. @param path - '/containers/ID' or '/exec/ID' */
export function followWindow(api: ApiClient, path: string): Disposable {
  const tell = () => {
    const [h, w] = windowSize();
    // A process that has ended has no size. Whatever else fails is said by its streams.
    if (h > 0 && w > 0) api.post(`${path}/resize`, { query: { h, w } }).catch(() => {});
  };
  tell();
  process.stdout.on('resize', tell);
  return { [Symbol.dispose]: () => void process.stdout.off('resize', tell) };
}
