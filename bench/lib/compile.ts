/**
 * @module The bench's C programs, compiled when they are first needed, into the run's own directory.
 */

import { mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './exec.ts';
import { WORK } from './world.ts';

const compiled = new Map<string, Promise<string>>();

/** The path of the program compiled from `source`, a path below bench/. `flags` such as '-static' go to the compiler. */
export function compile(source: string, ...flags: string[]): Promise<string> {
  const known = compiled.get(source);
  if (known) return known;
  const building = build(source, flags);
  compiled.set(source, building);
  return building;
}

async function build(source: string, flags: readonly string[]): Promise<string> {
  const directory = join(WORK, 'bin');
  mkdirSync(directory, { recursive: true });
  const program = join(directory, basename(source, '.c'));
  await run('gcc', ['-O2', '-o', program, ...flags, fileURLToPath(new URL(`../${source}`, import.meta.url))]);
  return program;
}
