/**
 * @module One engine at a time: an advisory lock on the run directory, which dies with its process.
 */

import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PontoonError } from '../errors.ts';
import { makeDirectories } from '../kernel/directory.ts';
import { tryLockFile } from '../kernel/file-lock.ts';

/** A lock is asked for again this often while another process has it. */
const RETRY_MS = 20;

export interface EngineLock extends Disposable {}

/** Takes the lock, waiting at most `waitMs`. @throws PontoonError engine-busy, naming the process that has it; store */
export async function takeLock(runRoot: string, waitMs: number): Promise<EngineLock> {
  const path = join(runRoot, 'engine.lock');
  const fd = openLockFile(runRoot, path);
  for (const deadline = Date.now() + waitMs; !tryLockFile(fd); await sleep(RETRY_MS)) {
    if (Date.now() < deadline) continue;
    closeSync(fd);
    const holder = readFileSync(path, 'utf8').trim();
    throw new PontoonError(
      'engine-busy',
      `process ${holder} has the engine of ${runRoot}: stop it, or use another run directory`,
      {
        subject: runRoot,
      },
    );
  }
  ftruncateSync(fd);
  writeSync(fd, `${process.pid}\n`);
  return { [Symbol.dispose]: () => closeSync(fd) };
}

function openLockFile(runRoot: string, path: string): number {
  try {
    makeDirectories(runRoot, 0o711);
    return openSync(path, 'a+', 0o600);
  } catch (cause) {
    const why = (cause as Error).message;
    throw new PontoonError('store', `the run directory ${runRoot} cannot be used: ${why}`, { cause, subject: runRoot });
  }
}
