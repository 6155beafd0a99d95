/**
 * @module The cgroup of a container, found through one of its processes, on v1, v2 and hybrid machines.
 * @see cgroups(7), Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst
 */

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PontoonError } from '../errors.ts';
import { readHost } from './runtime/host.ts';

const ROOT = '/sys/fs/cgroup';

export interface Cgroup {
  readonly version: 1 | 2;
  /** A file of a controller ('memory', 'cpu', …; v2 has all in one directory), or undefined where it is not there. */
  read(controller: string, file: string): Promise<string | undefined>;
  /** All processes in it and below it. */
  processes(): Promise<number[]>;
}

/** @throws PontoonError container-state where the process has ended */
export async function cgroupOf(pid: number): Promise<Cgroup> {
  const [membership, { cgroups }] = await Promise.all([readMembership(pid), readHost()]);
  const directories = parseMembership(membership);
  const unified = directories.get('');
  // On a hybrid machine, v2 has no controllers: what counts is in v1.
  const version = cgroups === 'v2' ? 2 : 1;
  const directoryOf = (controller: string): string | undefined =>
    version === 2 ? unified : directories.get(controller);
  return {
    version,
    read: async (controller, file) => {
      const directory = directoryOf(controller);
      return directory === undefined ? undefined : readIfThere(join(directory, file));
    },
    processes: () => {
      const directory = directoryOf('pids') ?? directoryOf('memory') ?? directoryOf('devices');
      return directory === undefined ? Promise.resolve([pid]) : walk(directory);
    },
  };
}

/** By controller, '' for v2: the directory in which a process is. The lines are `ID:CONTROLLERS:PATH`. */
export function parseMembership(text: string): Map<string, string> {
  const directories = new Map<string, string>();
  for (const line of text.trim().split('\n')) {
    const [, controllers = '', ...path] = line.split(':');
    const relative = path.join(':');
    if (controllers === '') directories.set('', join(ROOT, relative));
    else if (controllers.startsWith('name=')) continue;
    else
      for (const controller of controllers.split(',')) directories.set(controller, join(ROOT, controllers, relative));
  }
  return directories;
}

async function readMembership(pid: number): Promise<string> {
  const text = await readIfThere(`/proc/${pid}/cgroup`);
  if (text === undefined)
    throw new PontoonError('container-state', `process ${pid} has ended`, { subject: String(pid) });
  return text;
}

async function walk(directory: string): Promise<number[]> {
  const text = (await readIfThere(join(directory, 'cgroup.procs'))) ?? '';
  const own = text.split('\n').filter(Boolean).map(Number);
  const entries = await readdir(directory, { withFileTypes: true }).catch(ignoreMissing);
  const below = (entries ?? []).filter((entry) => entry.isDirectory()).map(({ name }) => walk(join(directory, name)));
  return [...own, ...(await Promise.all(below)).flat()];
}

/** A cgroup, or a process, may go at any time. */
function readIfThere(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(ignoreMissing);
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT' && error.code !== 'ESRCH' && error.code !== 'ENODEV') throw error;
}
