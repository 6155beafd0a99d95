/**
 * @module Bundles on disk: a directory with config.json, where conmon and the runtime leave what they have to say.
 */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { OciConfig } from './spec.ts';

/** Writes config.json. */
export async function writeBundle(directory: string, config: OciConfig): Promise<void> {
  await writeFile(join(directory, 'config.json'), JSON.stringify(config), { mode: 0o600 });
}
