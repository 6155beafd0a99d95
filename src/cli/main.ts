/**
 * @module Runs the command line of this process; bin/start.js loads it.
 */

import { CommanderError } from 'commander';
import { statusOf } from './failure.ts';
import { createProgram } from './program.ts';
import { fail } from './session.ts';

// Whoever reads may stop early (pontoon events | head -1): then there is nobody to tell more.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

const program = createProgram();
try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = statusOf(error);
  else fail(program, error);
}
