/**
 * @module Exits: conmon leaves a file in a directory when its process has ended: the name is the container's ID, the
 * content its exit code (128 and the signal's number for one that was killed).
 *
 * The files stay until they are dealt with, so that an exit while nobody looked is found later.
 */

import { existsSync, type FSWatcher, readFileSync, renameSync, rmSync, statSync, watch } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';

export interface ExitRecord {
  /** 0 to 255. */
  readonly code: number;
  readonly finishedMs: number;
}

export type OnExit = (id: string, exit: ExitRecord) => Promise<void> | void;

const ID = /^[0-9a-f]{64}$/;
/** Of a file that is being dealt with: the container may run, and end, again meanwhile. */
const CLAIMED = '.claimed';

/**
 * Calls `onExit` for each exit file that is there or comes: one call a run, those of one container one after the other.
 * When the promise that it returns is fulfilled, the file is removed; when it is rejected, `onError` is told and the
 * file stays for the next watch.
 */
export async function watchExits(
  directory: string,
  onExit: OnExit,
  onError: (error: Error) => void,
): Promise<Disposable> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const busy = new Map<string, { again: boolean }>();
  const take = (name: string): void => {
    const id = name.replace(CLAIMED, '');
    if (!ID.test(id)) return; // a file that is not complete yet
    const turn = busy.get(id);
    if (turn !== undefined) {
      turn.again = true;
      return;
    }
    const mine = { again: true };
    busy.set(id, mine);
    void (async () => {
      while (mine.again) {
        mine.again = false;
        await deal(directory, id, onExit).catch(onError);
      }
      busy.delete(id);
    })();
  };
  const watcher: FSWatcher = watch(directory, (_, name) => {
    // Events tell of our own renaming too.
    if (name !== null && !name.endsWith(CLAIMED) && existsSync(join(directory, name))) take(name);
  });
  watcher.on('error', onError);
  for (const name of await readdir(directory)) take(name);
  return { [Symbol.dispose]: () => watcher.close() };
}

/** The exit code that conmon left in a directory, as for an exec; undefined while there is none. */
export function readExit(directory: string, name: string): ExitRecord | undefined {
  const path = join(directory, name);
  try {
    return { code: Number(readFileSync(path, 'utf8')), finishedMs: Math.round(statSync(path).mtimeMs) };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Deals with what was left half done, then with what is new. */
async function deal(directory: string, id: string, onExit: OnExit): Promise<void> {
  const claimed = `${id}${CLAIMED}`;
  await finish(directory, id, claimed, onExit);
  try {
    renameSync(join(directory, id), join(directory, claimed));
  } catch (error) {
    if (isMissing(error)) return; // the event of a file that we have dealt with
    throw error;
  }
  await finish(directory, id, claimed, onExit);
}

async function finish(directory: string, id: string, claimed: string, onExit: OnExit): Promise<void> {
  const exit = readExit(directory, claimed);
  if (exit === undefined) return;
  await onExit(id, exit);
  rmSync(join(directory, claimed), { force: true });
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}
