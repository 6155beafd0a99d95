/**
 * @module Rules of iptables, ip6tables, ebtables and arptables as their own save commands write them.
 *
 * Their rules are blobs that only their libraries can read, so the programs are called, in the thread's own namespace.
 * Whoever calls makes sure that there is something to read: a save command loads the modules of tables that are not there.
 * @see iptables-save(8)
 */

import { spawnSync } from 'node:child_process';
import { PontoonError } from '../errors.ts';
import { KernelError } from './error.ts';

/** A ruleset is some MiB at most; what is longer is cut off by an error. */
const OUTPUT_MAX_BYTES = 64 * 1024 * 1024;

/**
 * What a save command such as 'iptables-nft-save' prints of the calling thread's namespace, without its comments.
 * @throws PontoonError feature-missing where the program is not installed; KernelError where it fails
 */
export function saveXtables(command: string): string {
  const child = spawnSync(command, ['-c'], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
    maxBuffer: OUTPUT_MAX_BYTES,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const errno = (child.error as NodeJS.ErrnoException | undefined)?.code;
  if (errno === 'ENOENT') {
    throw new PontoonError('feature-missing', `${command} is not here: install the package iptables`, {
      cause: child.error,
      subject: command,
    });
  }
  if (errno !== undefined) throw new KernelError(command, errno, { cause: child.error });
  if (child.status !== 0)
    throw new KernelError(command, 'EIO', { detail: child.stderr.trim() || `status ${child.status}` });
  return child.stdout.replaceAll(/^#.*\n/gm, '');
}
