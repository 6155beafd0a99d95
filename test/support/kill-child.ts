/**
 * @module The process that dies: it opens the engine, does one operation, and kills itself before a given step.
 *
 *   node kill-child.ts STEP OPERATION     before step number STEP of the operation
 *   node kill-child.ts STEP               before step number STEP of opening the engine
 *
 * It begins when its standard input says so, so that it can be made ready beforehand. It says what it did by one line
 * each on standard output: 'died STEP', 'returned', 'ended'.
 */

import { subscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { openEngine } from '../../src/index.ts';
import { OPERATIONS, ROOTS } from './kill-operations.ts';

const [at, name] = process.argv.slice(2);

/** Dies before step number `at` from now on. */
function arm(): void {
  let count = 0;
  subscribe('pontoon:step', (message) => {
    if (++count < Number(at)) return;
    writeSync(1, `died ${(message as { step: string }).step}\n`);
    process.kill(process.pid, 'SIGKILL');
  });
}

await once(process.stdin, 'data');
process.stdin.destroy();
if (name === undefined) arm();
const engine = await openEngine(ROOTS);
if (name !== undefined) {
  arm();
  await OPERATIONS.find((operation) => operation.name === name)!.run(engine);
  writeSync(1, 'returned\n');
}
await engine.close();
writeSync(1, 'ended\n');
