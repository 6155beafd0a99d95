/**
 * @module A measurement in a host of its own: an exported function of a module runs in a new process with new network and
 * mount namespaces, so that no peer sees another's bridges and rules.
 *
 * The module ends with `offer(import.meta, { … })`, which does the work when that new process runs the module as its
 * program. The function's argument and its result pass as JSON.
 */

import { fileURLToPath } from 'node:url';
import { ip, run } from './exec.ts';

/** Calls `name`, offered by the module at `url`, with `argument` in a fresh host. */
export async function isolated<Result>(url: string, name: string, argument: unknown): Promise<Result> {
  const namespaces = ['--net', '--mount', '--propagation', 'private'];
  const program = [process.execPath, fileURLToPath(url), name, JSON.stringify(argument)];
  return JSON.parse(await run('unshare', [...namespaces, ...program])) as Result;
}

/** Where the module is the program of an isolated process: runs the function asked for. Elsewhere: nothing. */
export async function offer(
  meta: ImportMeta,
  functions: Readonly<Record<string, (argument: never) => Promise<unknown>>>,
): Promise<void> {
  if (!meta.main) return;
  const [name = '', argument = ''] = process.argv.slice(2);
  const measure = functions[name];
  if (measure === undefined) throw new Error(`${meta.url} offers no ${name}`);
  await run('mount', ['-t', 'tmpfs', 'tmpfs', '/run/netns']);
  await ip('link set lo up');
  process.stdout.write(JSON.stringify(await measure(JSON.parse(argument) as never)));
}
