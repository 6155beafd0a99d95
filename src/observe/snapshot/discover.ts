/**
 * @module Which network namespaces there are: those of processes, those pinned by a bind mount, and our own, the host's.
 *
 * A namespace that only a socket or an open descriptor holds cannot be found. What is pinned in another mount namespace
 * only, and has no process, cannot be seen from here either.
 * @see proc_pid_mountinfo(5), namespaces(7)
 */

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { readTransientFile } from '../../kernel/transient-file.ts';
import type { NamespaceId, Process } from './types.ts';

export const HOST_PATH = '/proc/thread-self/ns/net';
/** So many of a namespace's processes are named. */
const PROCESSES_NAMED = 16;

export interface FoundNamespace {
  readonly id: NamespaceId;
  readonly isHost: boolean;
  /** A path by which it can be opened. */
  readonly open: string;
  readonly paths: readonly string[];
  /** All process IDs, ascending. */
  readonly pids: readonly number[];
}

/** The host's own first, then by inode. */
export function findNamespaces(): FoundNamespace[] {
  const host = namespaceIdOf(HOST_PATH);
  if (host === undefined) throw new Error(`${HOST_PATH} is not there: mount /proc`);
  const found = new Map<NamespaceId, { paths: Set<string>; pids: number[] }>([[host, { paths: new Set(), pids: [] }]]);
  const at = (id: NamespaceId): { paths: Set<string>; pids: number[] } => {
    const one = found.get(id) ?? { paths: new Set(), pids: [] };
    found.set(id, one);
    return one;
  };
  for (const pid of listProcesses()) {
    const id = namespaceIdOf(processPath(pid));
    if (id !== undefined) at(id).pids.push(pid);
  }
  for (const [id, path] of pinned()) at(id).paths.add(path);
  return [...found]
    .map(([id, { paths, pids }]) => ({
      id,
      isHost: id === host,
      open: id === host ? HOST_PATH : ([...paths][0] ?? processPath(pids[0] as number)),
      paths: [...paths].sort(),
      pids,
    }))
    .sort((a, b) => Number(b.isHost) - Number(a.isHost) || inodeOf(a.id) - inodeOf(b.id));
}

/** The namespace that a path leads to, or undefined: nothing is there (any more), or it may not be read. */
export function namespaceIdOf(path: string): NamespaceId | undefined {
  try {
    const stat = statSync(path, { throwIfNoEntry: false });
    return stat === undefined ? undefined : `net:[${stat.ino}]`;
  } catch (error) {
    // A process that ends while it is looked at, or one that only its owner may look at.
    if (['ESRCH', 'EACCES', 'EPERM', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

export function processPath(pid: number): string {
  return `/proc/${pid}/ns/net`;
}

/** The first ones, by name; those that have ended meanwhile are left out. */
export function nameProcesses(pids: readonly number[]): Process[] {
  return pids.slice(0, PROCESSES_NAMED).flatMap((pid) => {
    const command = commandOf(pid);
    return command === undefined ? [] : [{ pid, command }];
  });
}

export function commandOf(pid: number): string | undefined {
  return readTransientFile(`/proc/${pid}/comm`)?.trimEnd();
}

function listProcesses(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}

/** Bind mounts of namespaces: the root of such a mount is the namespace's name, 'net:[4026532321]'. */
function pinned(): [NamespaceId, string][] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .flatMap((line): [NamespaceId, string][] => {
      const [, , , root, path] = line.split(' ');
      return root?.startsWith('net:[') === true && path !== undefined ? [[root, unescapePath(path)]] : [];
    });
}

/** Spaces and the like are written in octal. */
function unescapePath(path: string): string {
  return path.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

function inodeOf(id: NamespaceId): number {
  return Number(/\d+/.exec(id)?.[0] ?? 0);
}
