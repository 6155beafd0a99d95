/**
 * @module The resolver's load client as a function.
 */

import { compile } from '../lib/compile.ts';
import { runIn } from '../lib/exec.ts';

/** Answered queries per second for `name`, from inside a sandbox, with so many outstanding. */
export async function queryRate(namespace: string, name: string, outstanding: number): Promise<number> {
  const program = await compile('names/client.c');
  const queries = outstanding === 1 ? 40_000 : 100_000;
  const output = await runIn(namespace, program, ['-p', '53', '-n', String(queries), '-w', String(outstanding), name]);
  const rate = /qps=(\d+)/.exec(output)?.[1];
  if (rate === undefined) throw new Error(`names/client printed no rate: ${output}`);
  return Number(rate);
}
