/**
 * @module Files that are neither regular nor directories: devices and fifos. Node.js cannot make them.
 * @see mknod(2), gnu_dev_makedev(3)
 */

import { constants } from 'node:fs';
import { mknod } from './ffi.ts';

const KINDS = {
  fifo: constants.S_IFIFO,
  'character-device': constants.S_IFCHR,
  'block-device': constants.S_IFBLK,
} as const;

export type SpecialFile = keyof typeof KINDS;

/** Makes one, for its owner alone; the numbers are of a device. @throws KernelError */
export function makeSpecialFile(path: string, kind: SpecialFile, major = 0, minor = 0): void {
  mknod(path, KINDS[kind] | 0o600, deviceNumber(BigInt(major), BigInt(minor)));
}

/** The numbers of a device that `stat` describes. */
export function deviceNumbers({ rdev }: { readonly rdev: number }): { major: number; minor: number } {
  const device = BigInt(rdev);
  const major = ((device >> 8n) & 0xfffn) | ((device >> 32n) & ~0xfffn);
  const minor = (device & 0xffn) | ((device >> 12n) & ~0xffn & 0xffffffffn);
  return { major: Number(major), minor: Number(minor) };
}

function deviceNumber(major: bigint, minor: bigint): bigint {
  return (minor & 0xffn) | ((major & 0xfffn) << 8n) | ((minor & ~0xffn) << 12n) | ((major & ~0xfffn) << 32n);
}
