/**
 * @module The mounts of this process's namespace.
 * @see mount(2), umount2(2)
 * @see proc_pid_mountinfo(5)
 */

import { readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { KernelError } from './error.ts';
import { MNT_DETACH, umount } from './ffi.ts';

export { MS_BIND, MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_RDONLY, MS_REC, MS_REMOUNT, mount } from './ffi.ts';

/** Takes a mount away; what is in use goes when its last user does. False where nothing is mounted. @throws KernelError */
export function detachMount(path: string): boolean {
  try {
    umount(path, MNT_DETACH);
    return true;
  } catch (error) {
    if (KernelError.isKernel(error, 'EINVAL', 'ENOENT')) return false; // not a mount point, not there
    throw error;
  }
}

/** True when something is mounted exactly there. @throws Error of realpath(3) where its directory is not there */
export function isMountPoint(path: string): boolean {
  const MOUNT_POINT = 4;
  // The kernel lists paths without symbolic links.
  const real = join(realpathSync(dirname(path)), basename(path));
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .some((line) => unescapeField(line.split(' ')[MOUNT_POINT] ?? '') === real);
}

/** Blanks, line ends and backslashes are written in octal. */
function unescapeField(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
