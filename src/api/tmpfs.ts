/** @module What --tmpfs mounts, checked before anything is made: the kernel says no more than "Invalid argument". */

import { posix } from 'node:path';
import { badRequest } from './errors.ts';

const FLAGS: readonly string[] =
  'ro rw exec noexec suid nosuid dev nodev sync async dirsync atime noatime diratime nodiratime relatime norelatime strictatime nostrictatime private rprivate shared rshared slave rslave unbindable runbindable defaults'.split(
    ' ',
  );
const SIZE = /^\d+[kmgtpe]?$/i;
/** tmpfs(5) */
const VALUES: Readonly<Record<string, RegExp>> = {
  size: /^\d+[kmgtpe%]?$/i,
  nr_blocks: SIZE,
  nr_inodes: SIZE,
  mode: /^[0-7]+$/,
  uid: /^\d+$/,
  gid: /^\d+$/,
  mpol: /^./,
  huge: /^(never|always|within_size|advise)$/,
};

/** By path: 'size=64m,mode=1777,noexec'. @throws HttpError 400 */
export function checkTmpfs(mounts: Readonly<Record<string, string>>): void {
  for (const [path, options] of Object.entries(mounts)) {
    if (!posix.isAbsolute(path)) throw badRequest(`invalid mount path: '${path}' mount path must be absolute`);
    const wrong = options.split(',').find((option) => option !== '' && !isOption(option));
    if (wrong !== undefined) throw badRequest(`invalid tmpfs option ["${wrong}"]`);
  }
}

function isOption(option: string): boolean {
  const [name = '', ...value] = option.split('=');
  if (value.length === 0) return FLAGS.includes(name);
  return Object.hasOwn(VALUES, name) && VALUES[name]!.test(value.join('='));
}
