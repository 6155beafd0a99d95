/**
 * @module The process that dies: it opens the containers, does one operation, and kills itself before a given step.
 *
 *   node container-kill-child.ts STEP OPERATION
 *
 * It begins when its standard input says so, and says what it did by one line each on standard output.
 */

import { subscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { KILL_OPERATIONS, KILL_ROOTS } from './container-kill-operations.ts';
import { openAll } from './container-lab.ts';

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
const say = (message: string): void => void writeSync(2, `${message}\n`);
const open = await openAll(KILL_ROOTS, { log: { info: say, warn: say, error: say } });
arm();
await KILL_OPERATIONS.find((operation) => operation.name === name)!.run(open);
writeSync(1, 'returned\n');
process.exit();
