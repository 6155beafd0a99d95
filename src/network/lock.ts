/**
 * @module One engine at a time: an advisory lock on the run directory, which dies with its process.
 */

import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PontoonError } from '../errors.ts';
import { tryLockFile } from '../kernel/file-lock.ts';

/** A lock is asked for again this often while another process has it. */
const RETRY_MS = 20;

export interface EngineLock extends Disposable {}

/** Takes the lock, waiting at most `waitMs`. @throws PontoonError engine-busy, naming the process that has it */
export async function takeLock(runRoot: string, waitMs: number): Promise<EngineLock> {
  const path = join(runRoot, 'engine.lock');
  mkdirSync(runRoot, { recursive: true, mode: 0o711 });
  const fd = openSync(path, 'a+', 0o600);
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
