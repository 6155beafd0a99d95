/**
 * @module Runs the command line of this process; bin/start.js loads it.
 */

import { CommanderError } from 'commander';
import { statusOf } from './failure.ts';
import { runProgram } from './program.ts';
import { fail } from './session.ts';

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // Whoever reads may stop early (pontoon events | head -1): then there is nobody to tell more.
  if (error.code !== 'EPIPE') fail(error);
  process.exit();
});

try {
  await runProgram(process.argv.slice(2));
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = statusOf(error);
  else fail(error);
}
