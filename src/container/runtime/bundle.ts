/**
 * @module Bundles on disk: a directory with config.json, where conmon and the runtime leave what they have to say.
 */

import { access, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { OciConfig } from './spec.ts';

/** Writes config.json; makes the directory where it is not there. */
export async function writeBundle(directory: string, config: OciConfig): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await writeFile(join(directory, 'config.json'), JSON.stringify(config), { mode: 0o600 });
}

/** The kernel has killed a process of this run for want of memory: conmon left a mark. */
export function ranOutOfMemory(directory: string): Promise<boolean> {
  return access(join(directory, 'oom')).then(
    () => true,
    () => false,
  );
}
