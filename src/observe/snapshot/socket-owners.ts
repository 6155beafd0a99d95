/**
 * @module Which process owns a socket: the one with a descriptor of the socket's inode, in whatever namespace it is.
 */

import { readdirSync, readlinkSync } from 'node:fs';
import { commandOf, type FoundNamespace } from './discover.ts';
import type { Namespace, Note, Process } from './types.ts';

/** So many descriptors are looked at. */
const DESCRIPTORS_MAX = 200_000;

/** The namespaces with the owners of their sockets, as far as they are found. */
export function nameOwners(
  namespaces: readonly Namespace[],
  found: readonly FoundNamespace[],
  notes: Note[],
): Namespace[] {
  const wanted = new Set(namespaces.flatMap(({ sockets }) => sockets.flatMap(({ inode }) => inode ?? [])));
  const owners = findOwners(
    wanted,
    found.flatMap(({ pids }) => pids),
    notes,
  );
  return namespaces.map((namespace) => ({
    ...namespace,
    sockets: namespace.sockets.map((socket) => {
      const owner = socket.inode === undefined ? undefined : owners.get(socket.inode);
      return owner === undefined ? socket : { ...socket, owner };
    }),
  }));
}

function findOwners(wanted: Set<number>, pids: readonly number[], notes: Note[]): Map<number, Process> {
  const owners = new Map<number, Process>();
  let seen = 0;
  for (const pid of pids) {
    if (wanted.size === 0) break;
    const descriptors = list(pid);
    seen += descriptors.length;
    if (seen > DESCRIPTORS_MAX) {
      const message = `the owners of some sockets: there are more than ${DESCRIPTORS_MAX} open descriptors to look at`;
      notes.push({ kind: 'truncated', what: 'sockets', message });
      break;
    }
    for (const descriptor of descriptors) {
      const inode = socketInode(pid, descriptor);
      if (inode === undefined || !wanted.delete(inode)) continue;
      const command = commandOf(pid);
      if (command !== undefined) owners.set(inode, { pid, command });
    }
  }
  return owners;
}

function list(pid: number): string[] {
  return orGone(() => readdirSync(`/proc/${pid}/fd`)) ?? [];
}

function socketInode(pid: number, descriptor: string): number | undefined {
  const target = orGone(() => readlinkSync(`/proc/${pid}/fd/${descriptor}`));
  return target?.startsWith('socket:[') === true ? Number(target.slice('socket:['.length, -1)) : undefined;
}

/** Undefined for a process that has ended, a descriptor that is closed, or what is not ours to see. */
function orGone<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}
