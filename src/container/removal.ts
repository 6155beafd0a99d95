/**
 * @module Removing a container with all that is its own. It is marked first, so that a crash leaves nothing behind:
 * the next opening goes on with what is marked.
 */

import { PontoonError } from '../errors.ts';
import { step } from '../network/step.ts';
import { allOrFirstError } from './all-or-first-error.ts';
import { endProcess } from './bring-up.ts';
import { type Context, emit, wrongState } from './context.ts';
import type { Entry } from './entry.ts';
import { stopSharers } from './networking.ts';
import { isActive } from './record.ts';
import { removeTree } from './remove-tree.ts';
import { removeRoot } from './rootfs.ts';

export interface RemoveOptions {
  /** Its anonymous volumes go too. */
  readonly volumes?: boolean;
}

/** Removes a container that does not run; in its turn. @throws PontoonError container-state, in Docker's words */
export async function remove(context: Context, entry: Entry, options: RemoveOptions = {}): Promise<void> {
  const { table } = context;
  const { id, phase } = entry.record;
  if (table.get(id) !== entry) return; // somebody else has removed it meanwhile
  if (phase === 'paused')
    throw wrongState(
      entry,
      `You cannot remove a paused container ${id}. Unpause and then stop the container before attempting removal or force remove`,
    );
  if (isActive(entry.record))
    throw wrongState(
      entry,
      `You cannot remove a ${phase} container ${id}. Stop the container before attempting removal or force remove`,
    );
  table.commit(entry, { phase: 'removing', removesVolumes: options.volumes === true });
  await finishRemoval(context, entry);
}

/** Takes away what a container marked for removal still has. */
export async function finishRemoval(context: Context, entry: Entry): Promise<void> {
  await dismantle(context, entry);
  emit(context, entry, 'destroy');
  entry.waits.removed({ exitCode: entry.record.exitCode });
}

/** Takes away all that a container has, and its record last; nothing of it need be there. */
export async function dismantle(context: Context, entry: Entry): Promise<void> {
  const { table, paths } = context;
  const { id, name, removesVolumes } = entry.record;
  entry.attachments.end();
  await allOrFirstError([removeStack(context, entry), endProcess(context, entry)]);
  step(`container ${name}: upper directory`);
  await removeRoot({ id, ...paths.roots });
  step(`container ${name}: data directory`);
  await removeTree(paths.container(id));
  if (removesVolumes) await removeAnonymousVolumes(context, entry);
  table.delete(entry);
}

async function removeStack(context: Context, entry: Entry): Promise<void> {
  await stopSharers(context, entry);
  try {
    await context.engine.removeSandbox(entry.id);
  } catch (error) {
    if (!PontoonError.is(error, 'sandbox-not-found')) throw error; // a crash came after its removal
  }
}

async function removeAnonymousVolumes({ volumes, table }: Context, entry: Entry): Promise<void> {
  const anonymous = new Set(entry.record.mounts.filter((mount) => mount.anonymous).map(({ name }) => name));
  const there = volumes.list().filter(({ name }) => anonymous.has(name));
  for (const { name } of there) {
    const isUsed = [...table].some(
      (other) => other !== entry && other.record.mounts.some((mount) => mount.name === name),
    );
    if (isUsed) continue;
    step(`container ${entry.record.name}: volume`);
    await volumes.remove(name);
  }
}
