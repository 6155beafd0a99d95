/**
 * @module What callers are shown of a container: its record with what the engine, the volumes and this process know.
 */

import { type ErrorCode, PontoonError } from '../errors.ts';
import type { Context } from './context.ts';
import type { Entry } from './entry.ts';
import { rootPaths } from './rootfs.ts';
import type { Container, Mount } from './types.ts';
import type { Volumes } from './volumes.ts';

const NO_FILES = { hosts: '', resolvConf: '', hostname: '' };

export function viewContainer(context: Context, entry: Entry): Container {
  const { engine, paths } = context;
  const { record } = entry;
  const { id, name, createdMs, spec, imageId, path, args, restartCount } = record;
  const { phase: status, exitCode, oomKilled, error, startedMs, finishedMs } = record;
  const sandbox = ifThere('sandbox-not-found', () => engine.inspectSandbox(id));
  const pid = entry.process?.pid ?? 0;
  return {
    id,
    name,
    createdMs,
    spec: { ...spec, name },
    imageId,
    path,
    args,
    restartCount,
    state: {
      status,
      pid,
      exitCode,
      oomKilled,
      error,
      startedMs,
      finishedMs,
      health: entry.health?.health ?? entry.lastHealth,
    },
    mounts: mountsWithSources(context, entry),
    endpoints: sandbox?.endpoints ?? [],
    sandboxPath: sandbox?.namespacePath,
    paths: {
      ...(sandbox?.files ?? NO_FILES),
      log: paths.log(id),
      ...rootPaths({ id, ...paths.roots }),
      lower: entry.lower,
    },
  };
}

/** A volume's directory is the volume's business. */
export function mountsWithSources({ volumes }: Context, { record }: Entry): Mount[] {
  return record.mounts.map((mount) =>
    mount.type === 'volume' ? { ...mount, source: directoryOf(volumes, mount.name) } : mount,
  );
}

function directoryOf(volumes: Volumes, name: string): string {
  return ifThere('volume-not-found', () => volumes.find(name))?.mountpoint ?? '';
}

/** What a container that is being removed has lost already. */
function ifThere<T>(missing: ErrorCode, find: () => T): T | undefined {
  try {
    return find();
  } catch (error) {
    if (PontoonError.is(error, missing)) return undefined;
    throw error;
  }
}
