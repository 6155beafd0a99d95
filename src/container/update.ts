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
  if (resources !== undefined && hasProcess(entry.record)) await (await context.runtime()).update(entry.id, resources);
  context.table.commit(entry, {
    spec: {
      ...spec,
      ...(resources === undefined ? {} : { resources: { ...spec.resources, ...resources } }),
      ...(restart === undefined ? {} : { restart }),
    },
  });
  emit(context, entry, 'update');
}
