/** @module One file of a container, in the words of Go's os.FileInfo, which docker cp reads. */

import { constants } from 'node:fs';
import type { PathStat } from '../../container/types.ts';
import { timestamp } from './time.ts';

/** Go's bits for what a file is (io/fs, FileMode). */
const GO_TYPE: Readonly<Record<number, number>> = {
  [constants.S_IFDIR]: 2 ** 31,
  [constants.S_IFLNK]: 2 ** 27,
  [constants.S_IFBLK]: 2 ** 26,
  [constants.S_IFIFO]: 2 ** 25,
  [constants.S_IFSOCK]: 2 ** 24,
  [constants.S_IFCHR]: 2 ** 26 + 2 ** 21,
};
const SETUID = 0o4000;
const SETGID = 0o2000;
const STICKY = 0o1000;
const PERMISSIONS = 0o777;

export function pathStat({ name, sizeBytes, mode, modifiedMs, linkTarget }: PathStat): object {
  return { name, size: sizeBytes, mode: goMode(mode), mtime: timestamp(modifiedMs), linkTarget };
}

function goMode(mode: number): number {
  return (
    (mode & PERMISSIONS) +
    (GO_TYPE[mode & constants.S_IFMT] ?? 0) +
    (mode & SETUID ? 2 ** 23 : 0) +
    (mode & SETGID ? 2 ** 22 : 0) +
    (mode & STICKY ? 2 ** 20 : 0)
  );
}
