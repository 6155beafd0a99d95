/**
 * @module Runs a program in a private world: network, mount and process namespaces of its own, with /run and temporary
 * files in memory.
 *
 * The program believes that it is alone on a host that has just booted; the machine's own network is not touched. When
 * it ends, or when this process is killed in whatever way, everything in the world ends with it: processes,
 * interfaces, rules, mounts. A program is needed for this, because a process with threads cannot change its mount and
 * process namespaces.
 */

import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { PontoonError } from '../../errors.ts';

/** setpriv: the world is killed when its parent dies. unshare: process 1 of the world is killed when unshare is. */
const ENTER = ['setpriv', '--pdeathsig', 'KILL', '--', 'unshare'];
const NAMESPACES = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--propagation', 'private', '--mount-proc'];

/** Process 1 of the world. It stays, because it is the one to reap processes whose parent has ended. */
const FIRST = `
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -m 1777 /run/tmp
export TMPDIR=/run/tmp
status=0
"$@" || status=$?
exit $status`;

/**
 * Runs a program in a world, on this process's own terminal; resolves with its exit status.
 * SIGINT, SIGTERM and SIGHUP to this process end the world: the status then is 128 and the signal's number.
 * @throws PontoonError kernel when the world cannot be made
 */
export async function runInWorld(program: readonly string[]): Promise<number> {
  const [command, ...args] = [...ENTER, ...NAMESPACES, '--', 'sh', '-euc', FIRST, 'world', ...program] as [string];
  const world = spawn(command, args, { stdio: 'inherit' });
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const end = (signal: NodeJS.Signals): void => {
    world.kill('SIGKILL');
    resolve(128 + constants.signals[signal]);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, end);
  world.on('error', (cause) =>
    reject(new PontoonError('kernel', `cannot start ${command}: install the package util-linux`, { cause })),
  );
  world.on('close', (status, signal) => resolve(status ?? 128 + constants.signals[signal ?? 'SIGKILL']));
  try {
    return await promise;
  } finally {
    for (const signal of signals) process.off(signal, end);
  }
}
