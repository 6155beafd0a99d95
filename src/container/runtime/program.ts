/**
 * @module The programs that run containers: the OCI runtime, and conmon, which stays with each container.
 */

import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { spawn } from '../../kernel/spawn.ts';
import { findProgram, programMissing, requireProgram, STANDARD_PATH } from '../program-path.ts';
import { readHost } from './host.ts';

export interface Program {
  readonly name: string;
  readonly path: string;
  /** A command line that runs it where it needs surroundings of its own for what it does with cgroups; else empty. */
  readonly wrapper: readonly string[];
}

/**
 * crun refuses a machine that has cgroup v1 and v2 side by side. Where v2 is out of its sight, it works with v1; so it
 * gets mounts of its own, with a tmpfs over v2: it also makes directories there, as if it were one more hierarchy.
 */
const WITHOUT_CGROUP2 = [
  '/usr/bin/unshare',
  '--mount',
  '--propagation',
  'slave',
  '--',
  '/bin/sh',
  '-c',
  'mount -t tmpfs tmpfs /sys/fs/cgroup/unified && exec "$0" "$@"',
];

/** crun, which is faster and smaller, else runc. @throws PontoonError program-missing */
export async function findRuntime({ preferred }: { preferred?: string | undefined } = {}): Promise<Program> {
  const { cgroups } = await readHost();
  const names = preferred ? [preferred] : ['crun', 'runc'];
  for (const name of names) {
    const path = findProgram(name);
    if (path === undefined) continue;
    return { name, path, wrapper: cgroups === 'hybrid' && isCrun({ path }) ? WITHOUT_CGROUP2 : [] };
  }
  throw programMissing(`the OCI runtime ${names.join(' or ')}`, names[0] ?? 'crun');
}

/** Whether a runtime has what only crun has. */
export function isCrun({ path }: Pick<Program, 'path'>): boolean {
  return path.endsWith('crun');
}

/** @throws PontoonError program-missing */
export async function findConmon(): Promise<Program> {
  return { name: 'conmon', path: requireProgram('conmon', 'conmon'), wrapper: [] };
}

/** The program for `--init`: any tini without shared libraries. @throws PontoonError program-missing */
export async function findInit(): Promise<string> {
  const path = findProgram('docker-init') ?? findProgram('tini-static');
  if (path === undefined) throw programMissing('tini-static, which --init needs,', 'tini');
  return path;
}

/** Runs a program to its end; returns its output and errors. @throws KernelError ENOENT, EAGAIN, … */
export async function run(
  path: string,
  args: readonly string[],
): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  const descriptors = ['null', 'output', 'output'] as const;
  const child = spawn(path, { args, environment: programEnvironment(), descriptors });
  const [stdout = '', stderr = ''] = await Promise.all([...child.pipes.values()].map((fd) => text(readPipe(fd))));
  const { exitCode = 128, signal } = await child.ended;
  return { exitCode, stdout, stderr: signal === undefined ? stderr : `ended by ${signal}` };
}

/** What comes out of a pipe; the end of the stream closes it. */
export function readPipe(fd: number): Readable {
  return new Socket({ fd, readable: true, writable: false });
}

/** Nothing of ours leaks into what stays with a container. */
export function programEnvironment(): Record<string, string> {
  return { PATH: STANDARD_PATH, ...(process.env.TMPDIR ? { TMPDIR: process.env.TMPDIR } : {}) };
}
