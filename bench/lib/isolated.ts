/**
 * @module A measurement in a host of its own: an exported function of a module runs in a new process with new network and
 * mount namespaces, so that no peer sees another's bridges and rules.
 *
 * Its argument and its result pass as JSON. Run as a program, this module is that new process.
 */

import { fileURLToPath } from 'node:url';
import { ip, run } from './exec.ts';

/** Calls `name`, exported by the module at `url`, with `argument` in a fresh host. */
export async function isolated<Result>(url: string, name: string, argument: unknown): Promise<Result> {
  const namespaces = ['--net', '--mount', '--propagation', 'private'];
  const program = [process.execPath, fileURLToPath(import.meta.url), url, name, JSON.stringify(argument)];
  const output = await run('unshare', [...namespaces, ...program]);
  return JSON.parse(output.slice(output.lastIndexOf('\n', output.length - 2) + 1)) as Result;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [url, name, argument] = process.argv.slice(2) as [string, string, string];
  await run('mount', ['-t', 'tmpfs', 'tmpfs', '/run/netns']);
  await ip('link set lo up');
  const module = (await import(url)) as Record<string, (argument: unknown) => Promise<unknown>>;
  console.log(JSON.stringify(await module[name]?.(JSON.parse(argument))));
}
