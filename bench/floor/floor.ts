/**
 * @module The floor as a measurement: compiles attach.c and runs it.
 */

import { compile } from '../lib/compile.ts';
import { run } from '../lib/exec.ts';

/** Of each attach, and of each detach, in the order in which they were done. */
export interface AttachTimes {
  readonly attachMs: readonly number[];
  readonly detachMs: readonly number[];
}

/** `count` attaches to one bridge, then as many detaches. */
export async function floorTimes(count: number): Promise<AttachTimes> {
  const program = await compile('floor/attach.c');
  const times = JSON.parse(await run(program, ['-n', String(count)])) as { attachUs: number[]; detachUs: number[] };
  return { attachMs: times.attachUs.map((us) => us / 1000), detachMs: times.detachUs.map((us) => us / 1000) };
}
