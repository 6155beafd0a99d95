/**
 * @module What a container has mounted in its root, for one that does not run: as its runtime would mount it, but here.
 */

import { statSync } from 'node:fs';
import { MS_BIND, MS_RDONLY, MS_REMOUNT, mount } from '../kernel/mounts.ts';
import { RootDirectory } from '../kernel/root-directory.ts';
import type { Mount } from './types.ts';

/**
 * Mounts in a root what is mounted from the host; mount points that are missing are made. It all goes with the mount of
 * the root. Paths in the root never lead out of it. @throws KernelError; Error of open(2), mkdir(2)
 */
export function mountInside(
  root: string,
  mounts: readonly Mount[],
  { readOnly }: { readonly readOnly: boolean },
): void {
  using inside = new RootDirectory(root);
  for (const { source, target, readOnly: keptFromWriting } of mounts) {
    if (source === '') continue; // a tmpfs, which is empty
    using point = inside.holdMade(target, statSync(source).isDirectory() ? 'directory' : 'file');
    // Without what is mounted below the source: to take that away again might take it from the host.
    mount(source, point.path, '', MS_BIND);
    if (keptFromWriting) makeReadOnly(inside, target);
  }
  if (readOnly) makeReadOnly(inside, '/');
}

function makeReadOnly(inside: RootDirectory, path: string): void {
  using mounted = inside.hold(path, { follow: true }); // what is there now, not what it covers
  mount('', mounted.path, '', MS_BIND | MS_REMOUNT | MS_RDONLY);
}
