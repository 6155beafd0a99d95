/**
 * @module The versions of the programs that run containers, as they tell them: for `docker version` and `docker info`.
 */

import { PontoonError } from '../errors.ts';
import { findConmon, findRuntime, type Program, run } from './runtime/program.ts';

export interface ProgramVersion {
  readonly name: string;
  readonly version: string;
  /** Of its sources, where it says so; else ''. */
  readonly commit: string;
}

/** Of the OCI runtime and of conmon; of those that are there. @throws PontoonError program */
export async function programVersions(options: { readonly preferred?: string | undefined }): Promise<ProgramVersion[]> {
  const versions = await Promise.all([findRuntime(options), findConmon()].map(versionOf));
  return versions.filter((version) => version !== undefined);
}

async function versionOf(finding: Promise<Program>): Promise<ProgramVersion | undefined> {
  try {
    const { name, path } = await finding;
    const said = (await run(path, ['--version'])).stdout;
    return { name, version: wordAfter(/\bversion (\S+)/, said), commit: wordAfter(/^commit: (\S+)/m, said) };
  } catch (error) {
    if (PontoonError.is(error, 'program-missing')) return undefined;
    throw error;
  }
}

function wordAfter(pattern: RegExp, text: string): string {
  return pattern.exec(text)?.[1] ?? '';
}
