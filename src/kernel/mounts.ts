/**
 * @module The mounts of this process's namespace.
 * @see proc_pid_mountinfo(5)
 */

import { readFileSync } from 'node:fs';

/** True when something is mounted exactly there; `path` is absolute, without symbolic links in it. */
export function isMountPoint(path: string): boolean {
  const MOUNT_POINT = 4;
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .some((line) => unescapeField(line.split(' ')[MOUNT_POINT] ?? '') === path);
}

/** Blanks, line ends and backslashes are written in octal. */
function unescapeField(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
