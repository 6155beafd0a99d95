/**
 * @module Asks before much is removed.
 */

import { createInterface } from 'node:readline/promises';
import { ExitStatus } from '../failure.ts';

/** Goes on when the answer is yes. @throws ExitStatus 1 for any other */
export async function confirm(warning: string): Promise<void> {
  const asking = createInterface({ input: process.stdin, output: process.stdout });
  const ended = new Promise<string>((resolve) => asking.once('close', () => resolve('')));
  const answer = await Promise.race([asking.question(`${warning}\nAre you sure you want to continue? [y/N] `), ended]);
  asking.close();
  if (!/^y(es)?$/i.test(answer.trim())) throw new ExitStatus(1);
}
