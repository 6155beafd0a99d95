/**
 * @module Overlayfs: a writable directory over read-only ones, and the marks that it leaves in the writable one.
 *
 * A deleted name is a character device 0:0 (a whiteout); a directory that hides what is below it carries the extended
 * attribute trusted.overlay.opaque.
 * @see Documentation/filesystems/overlayfs.rst
 */

import type { Stats } from 'node:fs';
import { lgetxattr, lsetxattr, mount } from './ffi.ts';

const OPAQUE = 'trusted.overlay.opaque';

export interface OverlayDirectories {
  /** Colon-separated, topmost first, as the mount option has them: see escapeOverlayPath. */
  readonly lower: string;
  readonly upper: string;
  /** An empty directory beside `upper`, for the kernel's use. */
  readonly work: string;
}

/**
 * Mounts on `target`. Renamed directories are copied and files copied whole, so that `upper` alone tells what was
 * changed. @throws KernelError (ELOOP where `upper` lies inside `lower` on the same file system)
 */
export function mountOverlay({ lower, upper, work }: OverlayDirectories, target: string): void {
  const directories = `lowerdir=${lower},upperdir=${escapeOverlayPath(upper)},workdir=${escapeOverlayPath(work)}`;
  mount('overlay', target, 'overlay', 0, `${directories},index=off,redirect_dir=off,metacopy=off`);
}

/** A path as it must be written in overlayfs's options. */
export function escapeOverlayPath(path: string): string {
  return path.replaceAll(/[\\:,]/g, '\\$&');
}

/** The directories of a colon-separated list, topmost first, not escaped. */
export function splitOverlayPaths(list: string): string[] {
  return [...list.matchAll(/((?:[^\\:]|\\.)+)/g)].map(([path]) => path.replaceAll(/\\(.)/g, '$1'));
}

export function isWhiteout(stat: Stats): boolean {
  return stat.isCharacterDevice() && stat.rdev === 0;
}

/** True for a directory of an upper (or lower) layer that hides what layers below have in it. @throws KernelError */
export function isOpaque(path: string): boolean {
  return lgetxattr(path, OPAQUE)?.toString() === 'y';
}

/** @throws KernelError */
export function setOpaque(path: string): void {
  lsetxattr(path, OPAQUE, Buffer.from('y'));
}
