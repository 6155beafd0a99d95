/**
 * @module A container's bundle: what its record says, resolved to the paths and numbers of this run.
 */

import { appendFile, copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Sandbox } from '../network/types.ts';
import { type Context, wrongState } from './context.ts';
import type { Entry } from './entry.ts';
import { fixedHosts } from './networking.ts';
import type { ContainerRecord } from './record.ts';
import type { RootPaths } from './rootfs.ts';
import { type BundleInput, findDevices, findInit, processEnvironment, resolveUser } from './runtime/index.ts';
import { sharedMemory } from './shm.ts';
import type { Mount, NamespacesSpec } from './types.ts';

/** What a run of a container is made in. */
export interface Surroundings {
  readonly sandbox: Sandbox;
  readonly root: RootPaths;
  readonly mounts: readonly Mount[];
}

/** What the runtime is told of a container. @throws PontoonError */
export async function resolveBundle(context: Context, entry: Entry, surroundings: Surroundings): Promise<BundleInput> {
  const { id, spec } = entry.record;
  const { sandbox, root, mounts } = surroundings;
  const process = processOf(entry.record, root.merged);
  const [devices, files] = await Promise.all([
    findDevices(spec.devices ?? [], spec.security?.privileged === true),
    filesOf(context, sandbox, entry),
  ]);
  const shmPath = sharedMemory(context, entry);
  return {
    id,
    spec,
    process,
    rootPath: root.merged,
    mounts,
    files,
    networkNamespacePath: sandbox.namespace === 'host' ? undefined : sandbox.namespacePath,
    sharedNamespaces: sharedNamespaces(context, spec.namespaces ?? {}),
    devices,
    ...(shmPath === undefined ? {} : { shmPath }),
    ...(spec.init === true ? { initPath: await findInit() } : {}),
  };
}

/** The first process of a container, as itself or as another user. @throws PontoonError bad-value for one that its root does not know */
export function processOf(
  { path, args, spec }: ContainerRecord,
  rootPath: string,
  user = spec.user,
): BundleInput['process'] {
  return {
    ...resolveUser(rootPath, user, spec.groups),
    args: [path, ...args],
    env: processEnvironment({ hostname: spec.hostname, terminal: spec.tty === true, env: spec.env }),
    cwd: spec.workingDirectory,
    terminal: spec.tty === true,
  };
}

/** On the host's stack a container has the host's names, and those that were added for it. */
async function filesOf(context: Context, { namespace, files }: Sandbox, { record }: Entry): Promise<Sandbox['files']> {
  if (namespace !== 'host') return files;
  const directory = context.paths.run(record.id);
  const hosts = join(directory, 'hosts');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await copyFile('/etc/hosts', hosts);
  const lines = fixedHosts(context, record.spec).map(([name, address]) => `${address}\t${name}\n`);
  await appendFile(hosts, lines.join(''));
  return { ...files, hosts };
}

function sharedNamespaces(
  { table }: Context,
  { pid, ipc, uts, cgroup }: NamespacesSpec,
): BundleInput['sharedNamespaces'] {
  const share = <K extends keyof NamespacesSpec>(kind: K, mode: string | undefined): { [key in K]?: string } => {
    if (mode === 'host') return { [kind]: 'host' } as { [key in K]: string };
    if (mode?.startsWith('container:') !== true) return {};
    const other = table.find(mode.slice('container:'.length));
    if (other.process === undefined)
      throw wrongState(other, `cannot join ${kind.toUpperCase()} of a non running container: ${other.id}`);
    return { [kind]: `/proc/${other.process.pid}/ns/${kind}` } as { [key in K]: string };
  };
  return { ...share('pid', pid), ...share('ipc', ipc), ...share('uts', uts), ...share('cgroup', cgroup) };
}
