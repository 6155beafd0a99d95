/**
 * @module Bundles on disk: a directory with config.json, where conmon and the runtime leave what they have to say.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { OciConfig } from './spec.ts';

/** Writes config.json. */
export function writeBundle(directory: string, config: OciConfig): void {
  writeFileSync(join(directory, 'config.json'), JSON.stringify(config), { mode: 0o600 });
}

/** Reads it back; undefined where there is none, or only half of one. */
export function readBundle(directory: string): OciConfig | undefined {
  try {
    return JSON.parse(readFileSync(join(directory, 'config.json'), 'utf8')) as OciConfig;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
