/**
 * @module Bundles on disk: a directory with config.json, where conmon and the runtime leave what they have to say.
 */

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { OciConfig } from './spec.ts';

/** Writes config.json. */
export async function writeBundle(directory: string, config: OciConfig): Promise<void> {
  await writeFile(join(directory, 'config.json'), JSON.stringify(config), { mode: 0o600 });
}

/** Reads it back; undefined where there is none, or only half of one. */
export async function readBundle(directory: string): Promise<OciConfig | undefined> {
  try {
    return JSON.parse(await readFile(join(directory, 'config.json'), 'utf8')) as OciConfig;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
