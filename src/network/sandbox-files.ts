/**
 * @module The rendered files of a sandbox. The container that has them mounted may write into them as well, and what
 * it wrote is not to be lost with every change of ours: docs/decisions/0009.
 *
 * What was rendered last is kept beside each file, and the file is left alone until its rendering is another one. It
 * is written in place, because a mount is of the file, not of its name.
 */

import { closeSync, constants, ftruncateSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeDirectories } from '../kernel/directory.ts';

/** Larger files are not read: a container can make them as large as it likes. */
const MAX_BYTES = 1024 * 1024;

/** Makes of what a file holds, and of what was rendered last and is now, what it is to hold. */
type Merge = (current: string, last: string, next: string) => string;

/** A file that was written to is its container's. */
export const unlessChanged: Merge = (current, last, next) => (current === last ? next : current);

/** Our lines are as we render them; the others are the container's, and stay behind ours. */
export const keepingLines: Merge = (current, last, next) => {
  const ours = new Set(['', ...last.split('\n'), ...next.split('\n')]);
  const others = current.split('\n').filter((line) => !ours.has(line));
  return next + others.map((line) => `${line}\n`).join('');
};

/** Brings a file up to date. @throws ErrnoException */
export function updateFile(directory: string, name: string, next: string, merge: Merge): void {
  const path = join(directory, name);
  const notes = notesOf(directory);
  const note = join(notes, name);
  const last = readIfThere(note);
  const current = last === undefined ? undefined : readIfThere(path);
  if (last === next && current !== undefined) return;
  const text = last === undefined || current === undefined ? next : merge(current, last, next);
  if (text !== current) writeOver(path, text);
  makeDirectories(notes);
  writeOver(note, next);
}

/** Lets all files of a sandbox be written anew, whatever they hold. @throws ErrnoException */
export function forgetFiles(directory: string): void {
  rmSync(notesOf(directory), { recursive: true, force: true });
}

function notesOf(directory: string): string {
  return join(directory, 'rendered');
}

function readIfThere(path: string): string | undefined {
  const bytes = statSync(path, { throwIfNoEntry: false })?.size;
  return bytes === undefined || bytes > MAX_BYTES ? undefined : readFileSync(path, 'utf8');
}

/** Does not empty the file first, for somebody may be reading it. */
function writeOver(path: string, text: string): void {
  const fd = openSync(path, constants.O_WRONLY | constants.O_CREAT, 0o644);
  try {
    writeFileSync(fd, text);
    ftruncateSync(fd, Buffer.byteLength(text));
  } finally {
    closeSync(fd);
  }
}
