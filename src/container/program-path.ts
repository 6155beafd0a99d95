/**
 * @module Where a program is that Pontoon runs, and which Debian package has it where it is not there.
 */

import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { PontoonError } from '../errors.ts';

/** Where Debian and those who build from source put programs, for daemons that are started with a poor PATH. */
const DIRECTORIES = [
  '/usr/local/sbin',
  '/usr/local/bin',
  '/usr/sbin',
  '/usr/bin',
  '/sbin',
  '/bin',
  '/usr/libexec/podman',
];

/** The PATH of programs that get no environment of ours. */
export const STANDARD_PATH = DIRECTORIES.join(delimiter);

/** By PATH and in the usual directories; a name with a slash is a path. */
export function findProgram(name: string): string | undefined {
  if (name.includes('/')) return isExecutable(name) ? name : undefined;
  return [...(process.env.PATH ?? '').split(delimiter), ...DIRECTORIES]
    .filter((directory) => directory !== '')
    .map((directory) => join(directory, name))
    .find(isExecutable);
}

/** @throws PontoonError program-missing */
export function requireProgram(name: string, debianPackage: string): string {
  const path = findProgram(name);
  if (path === undefined) throw programMissing(name, debianPackage);
  return path;
}

/** The error that says which Debian package has a program. */
export function programMissing(what: string, debianPackage: string): PontoonError {
  return new PontoonError('program-missing', `${what} is not installed: install the Debian package ${debianPackage}`, {
    subject: what,
  });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
