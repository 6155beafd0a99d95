/**
 * @module The program that `pontoon demo` runs in a private world.
 *
 *   node main.ts LANGUAGE [pause]
 */

import { createInterface } from 'node:readline';
import { PontoonError } from '../../errors.ts';
import { LANGUAGES, type Language, play } from './play.ts';

const [language, pause] = process.argv.slice(2) as [Language, string | undefined];

// No `output`: the terminal stays as it is, so that Ctrl-C ends the demo also while it waits.
using input = pause === undefined ? undefined : createInterface(process.stdin);
const lines = input?.[Symbol.asyncIterator]();

async function waitForEnter(): Promise<void> {
  process.stdout.write(`\n${LANGUAGES[language].continue}\n`);
  await lines!.next();
}

try {
  const ok = await play({ language, ...(lines === undefined ? {} : { pause: waitForEnter }) });
  process.exitCode = ok ? 0 : 1;
} catch (error) {
  if (!PontoonError.is(error)) throw error;
  console.error(`pontoon: ${error.message}`);
  process.exitCode = 1;
}
