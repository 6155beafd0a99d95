/**
 * @module Values on the command line: how flags that repeat, pairs, numbers and directories are read, for commander's
 * argParser.
 */

import { resolve } from 'node:path';
import { InvalidArgumentError } from 'commander';

export type Pair = readonly [key: string, value: string];

/** A flag that may be given several times: `read` reads each. */
export function repeated<T>(
  read: (text: string) => T,
): (text: string, before: readonly T[] | undefined) => readonly T[] {
  return (text, before = []) => [...before, read(text)];
}

export function text(value: string): string {
  return value;
}

/** KEY=VALUE; KEY alone has the empty value, as a label may. */
export function pair(value: string): Pair {
  const equals = value.indexOf('=');
  const key = equals < 0 ? value : value.slice(0, equals);
  if (key === '') throw new InvalidArgumentError('Write KEY=VALUE.');
  return [key, equals < 0 ? '' : value.slice(equals + 1)];
}

export function integer(value: string): number {
  if (!/^-?\d{1,15}$/.test(value)) throw new InvalidArgumentError('Write a whole number.');
  return Number(value);
}

/** Absolute: paths below it are stored, and read from another working directory. */
export function directory(value: string): string {
  if (value === '') throw new InvalidArgumentError('Write the path of a directory.');
  return resolve(value);
}

/** The properties that are not undefined, for specs in which absent means the default. */
export function withoutUndefined<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, property]) => property !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
