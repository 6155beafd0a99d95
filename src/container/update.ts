/**
 * @module Changing a container that is there: its name, its limits, its restart policy.
 */

import { type Context, emit, wrongState } from './context.ts';
import type { Entry } from './entry.ts';
import { checkContainerName } from './names.ts';
import { hasProcess } from './record.ts';
import type { ResourceSpec, RestartPolicy } from './types.ts';

export interface UpdateOptions {
  /** Those that are given change; the others stay. */
  readonly resources?: ResourceSpec;
  readonly restart?: RestartPolicy;
}

/** @throws PontoonError name-taken, bad-name; nothing has changed then */
export async function rename(context: Context, entry: Entry, wanted: string): Promise<void> {
  const { engine, table } = context;
  const { id, name: oldName, spec } = entry.record;
  const name = checkContainerName(wanted.startsWith('/') ? wanted.slice(1) : wanted);
  if (name === oldName) throw wrongState(entry, `Renaming a container with the same name as its current name: ${name}`);
  table.reserve(name, id);
  try {
    await engine.updateSandbox(id, { name });
    table.commit(entry, { name, spec: { ...spec, name } });
  } catch (error) {
    table.release(name, id);
    throw error;
  }
  table.release(oldName, id);
  emit(context, entry, 'rename', { oldName: `/${oldName}` });
}

/** @throws PontoonError; nothing has changed then */
export async function update(context: Context, entry: Entry, { resources, restart }: UpdateOptions): Promise<void> {
  const { spec, phase } = entry.record;
  if (phase === 'removing')
    throw wrongState(entry, `Container ${entry.id} is marked for removal and cannot be "update"`);
  if (spec.autoRemove === true && restart !== undefined && restart.name !== 'no') {
    const why = 'Restart policy cannot be updated because AutoRemove is enabled for the container';
    throw wrongState(entry, `Cannot update container ${entry.id}: ${why}`);
  }
  if (resources !== undefined) {
    const conflict = conflictOf(spec.resources ?? {}, resources);
    if (conflict !== undefined) throw wrongState(entry, `Cannot update container ${entry.id}: ${conflict}`);
    if (hasProcess(entry.record)) await (await context.runtime()).update(entry.id, together(spec.resources, resources));
  }
  context.table.commit(entry, {
    spec: {
      ...spec,
      ...(resources === undefined ? {} : { resources: { ...spec.resources, ...resources } }),
      ...(restart === undefined ? {} : { restart }),
    },
  });
  emit(context, entry, 'update');
}

/** Why limits cannot change so, in Docker's words (container/container_unix.go, UpdateContainer). */
function conflictOf(now: ResourceSpec, change: ResourceSpec): string | undefined {
  const swap = now.memorySwapBytes ?? 0;
  if (change.memorySwapBytes === undefined && swap > 0 && (change.memoryBytes ?? 0) > swap) {
    return 'Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time';
  }
  const conflict = (what: string, other: string): string =>
    `Conflicting options: ${what} cannot be updated as ${other} has already been set`;
  if (change.cpuPeriodUs && now.nanoCpus) return conflict('CPU Period', 'NanoCPUs');
  if (change.cpuQuotaUs && now.nanoCpus) return conflict('CPU Quota', 'NanoCPUs');
  if (change.nanoCpus && now.cpuPeriodUs) return conflict('Nano CPUs', 'CPU Period');
  if (change.nanoCpus && now.cpuQuotaUs) return conflict('Nano CPUs', 'CPU Quota');
  return undefined;
}

/** A change with what it must be seen together with: the default for swap comes from the limit of memory. */
function together(now: ResourceSpec | undefined, change: ResourceSpec): ResourceSpec {
  if (change.memoryBytes === undefined || now?.memorySwapBytes === undefined) return change;
  return { memorySwapBytes: now.memorySwapBytes, ...change };
}
