/**
 * @module Bundles on disk: a directory with config.json, where conmon and the runtime leave what they have to say.
 */

import { access, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { OciConfig } from './spec.ts';

/** Writes config.json. */
export async function writeBundle(directory: string, config: OciConfig): Promise<void> {
  await writeFile(join(directory, 'config.json'), JSON.stringify(config), { mode: 0o600 });
}

/** The kernel has killed a process of this run for want of memory: conmon left a mark. */
export function ranOutOfMemory(directory: string): Promise<boolean> {
  return access(join(directory, 'oom')).then(
    () => true,
    () => false,
  );
}
