/**
 * @module Which mounts a container gets: of other containers (volumesFrom), its own, and volumes for what its image
 * declares as one, in Docker's order of precedence (daemon/volumes_unix.go `registerMountPoints`).
 */

import { randomBytes } from 'node:crypto';
import { mkdir, stat } from 'node:fs/promises';
import { posix } from 'node:path';
import { PontoonError } from '../errors.ts';
import type { ImageConfig, Mount, MountSpec, ResolvedSpec } from './types.ts';

/**
 * The mounts of a new container. A volume without a name gets one; volumes and directories are not made yet.
 * @param mountsOf the mounts of another container, by reference
 * @throws PontoonError bad-value; container-not-found
 */
export function planMounts(
  spec: Pick<ResolvedSpec, 'mounts' | 'tmpfs' | 'volumesFrom'>,
  image: Pick<ImageConfig, 'volumes'>,
  mountsOf: (ref: string) => readonly Mount[],
): Mount[] {
  const own = (spec.mounts ?? []).map(plan);
  const taken = new Set<string>();
  for (const { target } of own) {
    if (taken.has(target)) throw new PontoonError('bad-value', `Duplicate mount point: ${target}`, { subject: target });
    taken.add(target);
  }
  const others = (spec.volumesFrom ?? []).flatMap((reference) => {
    const [ref, mode] = splitReference(reference);
    return mountsOf(ref)
      .filter(({ type }) => type !== 'tmpfs')
      .map((mount) => ({ ...mount, readOnly: mode === 'ro' || mount.readOnly }));
  });
  const byTarget = new Map([...others, ...own].map((mount) => [mount.target, mount]));
  const temporary = new Set(Object.keys(spec.tmpfs ?? {}).map((target) => posix.resolve('/', target)));
  for (const target of image.volumes.map((volume) => posix.resolve('/', volume)))
    if (!byTarget.has(target) && !temporary.has(target)) byTarget.set(target, plan({ type: 'volume', target }));
  // A mount below another one's target comes after it.
  return [...byTarget.values()].sort((a, b) => depth(a.target) - depth(b.target));
}

/** Makes the sources of binds that are to be made, and refuses those that are not there. @throws PontoonError bad-value */
export async function checkBinds(mounts: readonly MountSpec[]): Promise<void> {
  for (const { type, source, createSource } of mounts) {
    // Not on this thread: a file system of the network may not answer.
    if (type !== 'bind' || source === undefined || (await isThere(source))) continue;
    if (createSource === true) await mkdir(source, { recursive: true });
    else
      throw new PontoonError(
        'bad-value',
        `invalid mount config for type "bind": bind source path does not exist: ${source}`,
        { subject: source },
      );
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (!['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    return false;
  }
}

function plan(mount: MountSpec): Mount {
  const { type, source, readOnly = false, propagation, noCopy, recursive, readOnlyBelow } = mount;
  if (!posix.isAbsolute(mount.target))
    throw new PontoonError('bad-value', `invalid mount path: '${mount.target}' mount path must be absolute`, {
      subject: mount.target,
    });
  const target = posix.resolve(mount.target);
  if (target === '/')
    throw new PontoonError('bad-value', "invalid specification: destination can't be '/'", { subject: '/' });
  if (type === 'bind' && (source === undefined || !posix.isAbsolute(source)))
    throw new PontoonError('bad-value', `invalid mount config for type "bind": '${source ?? ''}' is not absolute`, {
      subject: target,
    });
  return {
    type,
    name: type === 'volume' ? source || randomBytes(32).toString('hex') : '',
    source: type === 'bind' ? posix.resolve(source!) : '',
    target,
    readOnly,
    propagation: type === 'bind' ? (propagation ?? 'rprivate') : '',
    ...(type === 'volume' && !source ? { anonymous: true } : {}),
    ...(noCopy === undefined ? {} : { noCopy }),
    ...(recursive === undefined ? {} : { recursive }),
    ...(readOnlyBelow === undefined ? {} : { readOnlyBelow }),
  };
}

/** 'name:ro' → ['name', 'ro']. @throws PontoonError bad-value */
function splitReference(reference: string): [ref: string, mode: string] {
  const [ref = '', mode = ''] = reference.split(':');
  if (ref !== '' && ['', 'ro', 'rw', 'z', 'Z'].includes(mode)) return [ref, mode];
  throw new PontoonError('bad-value', `invalid volumes-from '${reference}': write NAME, NAME:ro or NAME:rw`, {
    subject: reference,
  });
}

function depth(target: string): number {
  return target.split('/').length;
}
