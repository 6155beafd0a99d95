/**
 * @module The snapshot that a command works on: one that was saved, or one of this host, taken now.
 */

import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { PontoonError } from '../../errors.ts';
import type { SnapshotOptions } from '../../observe/snapshot/take.ts';
import type { Snapshot } from '../../observe/snapshot/types.ts';
import { globalFlags } from '../session.ts';

/** @param options For a snapshot of this host. @throws PontoonError bad-value: the file is no snapshot */
export async function obtainSnapshot(
  command: Command,
  file: string | undefined,
  options: SnapshotOptions,
): Promise<Snapshot> {
  if (file !== undefined) return readSnapshot(file);
  const { takeSnapshot } = await import('../../observe/snapshot/take.ts');
  const { runRoot } = globalFlags(command);
  return takeSnapshot({ ...options, runRoot });
}

/** @throws PontoonError bad-value: it cannot be read, or is no snapshot */
export async function readSnapshot(path: string): Promise<Snapshot> {
  const { parseSnapshot } = await import('../../observe/snapshot/parse.ts');
  try {
    return parseSnapshot(readFileSync(path, 'utf8'));
  } catch (cause) {
    if (cause instanceof PontoonError) throw cause;
    const message = `the snapshot ${path} cannot be read: ${(cause as Error).message}`;
    throw new PontoonError('bad-value', message, { cause, subject: path });
  }
}
