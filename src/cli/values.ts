/**
 * @module Values on the command line: how flags that repeat, pairs, numbers and directories are read, for commander's
 * argParser.
 */

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { InvalidArgumentError, Option } from 'commander';
import { PontoonError } from '../errors.ts';

/** A flag that may be given several times: `read` reads each. */
export function repeated<T>(
  read: (text: string) => T,
): (text: string, before: readonly T[] | undefined) => readonly T[] {
  return (text, before = []) => [...before, read(text)];
}

export function text(value: string): string {
  return value;
}

/** An option that may be given several times. */
export function several(flags: string, description: string): Option {
  return new Option(flags, description).argParser(repeated(text));
}

/** One that may also name several, with commas between them: pflag's StringSlice. */
export function slice(flags: string, description: string): Option {
  return new Option(flags, description).argParser((text, before: readonly string[] = []) => [
    ...before,
    ...csvFields(text),
  ]);
}

/** Fields with commas in them stand in double quotes, as in CSV. */
export function csvFields(text: string): string[] {
  const fields = text.match(/("(?:[^"]|"")*"|[^,"]+)/g) ?? [];
  return fields.map((field) => (field.startsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field.trim()));
}

/** The filters of a list: `-f key=value`, several times. */
export function filterOption(): Option {
  return several('-f, --filter <key=value>', 'show only what fits');
}

export function formatOption(): Option {
  return new Option('--format <format>', "'table', 'table TEMPLATE', 'json', or a Go template");
}

/** A wrong flag, in commander's way: printed with the flag's name. */
function invalid(message: string): InvalidArgumentError {
  return new InvalidArgumentError(message);
}

export function integer(value: string): number {
  if (!/^-?\d{1,15}$/.test(value)) throw invalid('Write a whole number.');
  return Number(value);
}

/** Reads a flag by a function that throws PontoonError, and complains about the flag. */
export function reading<T>(read: (text: string) => T): (text: string) => T {
  return (value) => {
    try {
      return read(value);
    } catch (error) {
      if (PontoonError.is(error)) throw invalid(`${error.message}.`);
      throw error;
    }
  };
}

/** Absolute: paths below it are stored, and read from another working directory. */
export function directory(value: string): string {
  if (value === '') throw invalid('Write the path of a directory.');
  return resolve(value);
}

/** KEY=VALUE each; KEY alone has the value ''. @throws PontoonError bad-value */
export function mapOf(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const equals = pair.indexOf('=');
      const key = equals < 0 ? pair : pair.slice(0, equals);
      if (key === '') throw new PontoonError('bad-value', `cannot read '${pair}': write KEY=VALUE`, { subject: pair });
      return [key, equals < 0 ? '' : pair.slice(equals + 1)];
    }),
  );
}

/** Filters as the API takes them: JSON of {key: [values]}; undefined when there are none. @throws PontoonError */
export function filtersOf(filters: readonly string[] | undefined): string | undefined {
  if (filters === undefined || filters.length === 0) return undefined;
  const byKey: Record<string, string[]> = {};
  for (const filter of filters) {
    const equals = filter.indexOf('=');
    if (equals < 0) {
      throw new PontoonError('bad-value', `cannot read the filter '${filter}': write KEY=VALUE`, { subject: filter });
    }
    const key = filter.slice(0, equals).trim().toLowerCase();
    byKey[key] = [...(byKey[key] ?? []), filter.slice(equals + 1).trim()];
  }
  return JSON.stringify(byKey);
}

/** The lines of a file of variables or labels: comments and empty ones go. @throws the system's errors */
export function fileLines(path: string): string[] {
  const lines = readFileSync(path, 'utf8')
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/);
  return lines.map((line) => line.trimStart()).filter((line) => line !== '' && !line.startsWith('#'));
}

/**
 * Variables as the API takes them. NAME alone has this process's value; where there is none, a flag takes the image's
 * away, and a line of a file means nothing.
 */
export function environment(variables: readonly string[] = [], files: readonly string[] = []): string[] {
  const valued = (variable: string): string => {
    const value = variable.includes('=') ? undefined : process.env[variable];
    return value === undefined ? variable : `${variable}=${value}`;
  };
  const ofFiles = files.flatMap(fileLines).map(valued);
  return [...ofFiles.filter((variable) => variable.includes('=')), ...variables.map(valued)];
}

/** The properties that are not undefined: absent means the default. */
export function withoutUndefined<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, property]) => property !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
