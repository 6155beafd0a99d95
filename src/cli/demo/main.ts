/**
 * @module The program that `pontoon demo` runs in a private world.
 *
 *   node main.ts LANGUAGE [pause]
 */

import { createInterface } from 'node:readline/promises';
import { PontoonError } from '../../errors.ts';
import { LANGUAGES, type Language, play } from './play.ts';

const [language, pause] = process.argv.slice(2) as [Language, string | undefined];

async function waitForEnter(): Promise<void> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  await terminal.question(`\n${LANGUAGES[language].continue}`);
  terminal.close();
}

try {
  const ok = await play({ language, ...(pause === 'pause' ? { pause: waitForEnter } : {}) });
  process.exitCode = ok ? 0 : 1;
} catch (error) {
  if (!PontoonError.is(error)) throw error;
  console.error(`pontoon: ${error.message}`);
  process.exitCode = 1;
}
