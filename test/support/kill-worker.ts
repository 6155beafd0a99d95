/**
 * @module The process that is killed at any time: it opens the engine and changes things at random until it dies.
 *
 *   node kill-worker.ts SEED
 *
 * It begins when its standard input says so. It writes 'begun NUMBER CHANGE' before each change, with the change as
 * JSON, and 'returned NUMBER' after it. Up to three are under way at a time.
 */

import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { openEngine } from '../../src/index.ts';
import { apply, carryOut, chooseChange, modelOf, randomFrom } from './kill-model.ts';
import { ROOTS } from './kill-operations.ts';

const random = randomFrom(Number(process.argv[2]));

await once(process.stdin, 'data');
process.stdin.destroy();
const engine = await openEngine(ROOTS);
let model = modelOf(engine);
for (let number = 0; ; ) {
  const burst: Promise<void>[] = [];
  for (let left = 1 + Math.floor(random() * 3); left > 0; left--) {
    const own = number++;
    const change = chooseChange(model, random);
    model = apply(model, change);
    writeSync(1, `begun ${own} ${JSON.stringify(change)}\n`);
    burst.push(carryOut(engine, change).then(() => void writeSync(1, `returned ${own}\n`)));
  }
  await Promise.all(burst);
}
