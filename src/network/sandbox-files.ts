/**
 * @module The rendered files of a sandbox. The container that has them mounted may write into them as well, and what
 * it wrote is not to be lost with every change of ours: docs/decisions/0009.
 *
 * What was rendered last is kept beside the files, and each is left alone until its rendering is another one. It is
 * written in place, because a mount is of the file, not of its name.
 */

import { closeSync, constants, ftruncateSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { step } from './step.ts';

/** Larger files are not read: a container can make them as large as it likes. */
const MAX_BYTES = 1024 * 1024;
/** What was rendered last. */
const NOTE = 'rendered.json';

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

/** Brings files, by their names in the directory, up to date. @throws ErrnoException */
export function updateFiles(
  directory: string,
  files: Readonly<Record<string, { readonly text: string; readonly merge: Merge }>>,
): void {
  const note = join(directory, NOTE);
  const noted = readIfThere(note);
  const last = parseNote(noted);
  for (const [name, { text, merge }] of Object.entries(files)) {
    step(`file ${name}`);
    updateFile(join(directory, name), last[name], text, merge);
  }
  const rendered = JSON.stringify(Object.fromEntries(Object.entries(files).map(([name, { text }]) => [name, text])));
  if (rendered !== noted) writeOver(note, rendered);
}

/** Lets all files of a sandbox be written anew, whatever they hold. @throws ErrnoException */
export function forgetFiles(directory: string): void {
  rmSync(join(directory, NOTE), { force: true });
}

function updateFile(path: string, last: string | undefined, next: string, merge: Merge): void {
  if (last === next && statSync(path, { throwIfNoEntry: false }) !== undefined) return;
  const current = last === undefined ? undefined : readIfThere(path);
  const text = last === undefined || current === undefined ? next : merge(current, last, next);
  if (text !== current) writeOver(path, text);
}

/** A note that somebody died over says nothing. */
function parseNote(text = '{}'): Readonly<Record<string, string>> {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
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
