/**
 * @module The processes of a container, by the host's `ps` with whatever arguments the caller likes.
 */

import { PontoonError } from '../errors.ts';
import { cgroupOf } from './cgroup.ts';
import { requireProgram } from './program-path.ts';
import { run } from './runtime/program.ts';

export interface ProcessTable {
  readonly titles: readonly string[];
  readonly processes: readonly (readonly string[])[];
}

/**
 * @param pid of the container's first process
 * @param psArgs such as '-ef' (the default), 'aux' or '-o pid,comm'; a PID column must be among them
 * @throws PontoonError bad-value where ps refuses the arguments, program-missing, container-state
 */
export async function listProcesses(pid: number, psArgs = '-ef'): Promise<ProcessTable> {
  const pids = await (await cgroupOf(pid)).processes();
  const { exitCode, stdout, stderr } = await run(requireProgram('ps', 'procps'), psArgs.split(' ').filter(Boolean));
  if (exitCode !== 0) throw new PontoonError('bad-value', `ps: ${stderr.trim()}`, { subject: psArgs });
  return selectProcesses(stdout, new Set(pids));
}

/** The rows of these processes. The last column takes the rest of its line. @throws PontoonError bad-value */
export function selectProcesses(output: string, pids: ReadonlySet<number>): ProcessTable {
  const [header = '', ...lines] = output.split('\n');
  const titles = header.trim().split(/\s+/);
  const column = titles.indexOf('PID');
  if (column < 0) throw new PontoonError('bad-value', "Couldn't find PID field in ps output: add a PID column");
  const rows = lines.filter((line) => line.trim() !== '').map((line) => splitColumns(line, titles.length));
  return { titles, processes: rows.filter((row) => pids.has(Number(row[column]))) };
}

function splitColumns(line: string, count: number): string[] {
  const words = line.trim().split(/\s+/);
  return [...words.slice(0, count - 1), words.slice(count - 1).join(' ')];
}
