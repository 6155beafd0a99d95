/**
 * @module Bundles on disk: a directory with config.json, where conmon and the runtime leave what they have to say.
 */

import { access, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readHost } from './host.ts';
import { ociSpec } from './spec.ts';
import type { BundleInput } from './types.ts';

/** Writes config.json; makes the directory where it is not there. @throws PontoonError bad-value, no-privilege */
export async function writeBundle(directory: string, input: BundleInput): Promise<void> {
  const config = JSON.stringify(ociSpec(input, await readHost()));
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await writeFile(join(directory, 'config.json'), config, { mode: 0o600 });
}

/** The kernel has killed a process of this run for want of memory: conmon left a mark. */
export function ranOutOfMemory(directory: string): Promise<boolean> {
  return access(join(directory, 'oom')).then(
    () => true,
    () => false,
  );
}
