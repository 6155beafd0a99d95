/**
 * @module What an opening does: it compares the records with what runs and what is left, and makes the two equal.
 *
 * Containers went on while nobody looked; some have ended, and conmon has left their exit codes. A crash may have left
 * half a creation, start, end or removal: what no record wants is removed, what a record wants is finished. After a
 * reboot the run directory is empty, so that all have ended, in a way that nobody knows (exit code 255, as Docker).
 */

import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Sandbox } from '../network/types.ts';
import { takeDown } from './bring-up.ts';
import type { Context } from './context.ts';
import type { Entry } from './entry.ts';
import { findAgain } from './find-again.ts';
import { start, startPlanned } from './lifecycle.ts';
import { endLaunch, listMonitors } from './monitors.ts';
import { CONTAINER_LABEL, sandboxSpec } from './networking.ts';
import { hasProcess } from './record.ts';
import { finishRemoval, remove } from './removal.ts';
import { startsWithDaemon } from './restart-policy.ts';
import { removeRoot } from './rootfs.ts';
import { makeVolumes } from './volume-contents.ts';

/** A failure with one container does not keep the others from being looked at. */
export async function reconcileAtStart(context: Context): Promise<void> {
  await removeOrphans(context);
  const sandboxes = new Map(context.engine.listSandboxes().map((sandbox) => [sandbox.id, sandbox]));
  const repairs = [...context.table].map((entry) =>
    attempt(context, `container ${entry.record.name} is not repaired`, () =>
      entry.turn.run(async () => {
        await repair(context, entry, sandboxes.get(entry.id));
        entry.forgetNextStart(); // startByPolicy has an order to keep
      }),
    ),
  );
  await Promise.all(repairs);
}

/** Begins to start what its restart policy wants to run; whoever shares another's namespaces comes behind it. */
export function startByPolicy(context: Context): void {
  const begun = new Map<Entry, Promise<unknown>>();
  const begin = (entry: Entry): Promise<unknown> => {
    const known = begun.get(entry);
    if (known !== undefined) return known;
    begun.set(entry, Promise.resolve()); // those who wait for each other do not wait for ever
    const hosts = Promise.all(hostsOf(context, entry).map(begin));
    const started = hosts.then(() => startIfWanted(context, entry));
    begun.set(entry, started);
    return started;
  };
  for (const entry of context.table) begin(entry);
}

function startIfWanted(context: Context, entry: Entry): Promise<void> {
  return attempt(context, `container ${entry.record.name} does not start`, () =>
    entry.turn.run(async () => {
      await startPlanned(context, entry);
      const { phase, spec } = entry.record;
      if (phase === 'exited' && startsWithDaemon(spec.restart, entry.record)) await start(context, entry);
    }),
  );
}

async function attempt({ log }: Context, failure: string, operation: () => Promise<unknown>): Promise<void> {
  try {
    await operation();
  } catch (error) {
    log.error(`${failure}: ${(error as Error).message}`);
  }
}

async function repair(context: Context, entry: Entry, sandbox: Sandbox | undefined): Promise<void> {
  const { record } = entry;
  if (record.phase === 'removing') return finishRemoval(context, entry);
  await repairSandbox(context, entry, sandbox);
  if (hasProcess(record)) return findAgain(context, entry);
  await makeVolumes(context, entry);
  await takeDown(context, entry);
  if (record.phase === 'exited' && record.spec.autoRemove === true) await remove(context, entry, { volumes: true });
}

/** The engine and the containers have a store each: a crash may have come between the two. */
async function repairSandbox(context: Context, { record }: Entry, sandbox: Sandbox | undefined): Promise<void> {
  const { engine } = context;
  if (sandbox === undefined) await engine.createSandbox(sandboxSpec(context, record));
  else if (sandbox.name !== record.name) await engine.updateSandbox(record.id, { name: record.name });
}

/** Removes what no record wants. */
async function removeOrphans(context: Context): Promise<void> {
  const { engine, table, paths } = context;
  const monitors = listMonitors();
  for (const id of await namesIn(paths.execs))
    if (!monitors.has(paths.exec(id))) await rm(paths.exec(id), { recursive: true });
  for (const id of await orphans(paths.running, table))
    await attempt(context, `what is left of container ${id} is not removed`, () => removeRun(context, id));
  const sandboxes = engine.listSandboxes().filter(({ id, labels }) => CONTAINER_LABEL in labels && !table.get(id));
  for (const { id } of sharersFirst(sandboxes))
    await attempt(context, `the sandbox of container ${id} is not removed`, () => engine.removeSandbox(id));
  for (const id of await orphans(paths.containers, table)) await rm(paths.container(id), { recursive: true });
  for (const id of await orphans(join(paths.dataRoot, 'roots'), table)) await removeRoot({ id, ...paths.roots });
}

/** Whoever has another's stack comes before it. */
function sharersFirst(sandboxes: readonly Sandbox[]): Sandbox[] {
  const ordered: Sandbox[] = [];
  const visit = (sandbox: Sandbox): void => {
    if (ordered.includes(sandbox)) return;
    sandboxes.filter(({ namespace }) => isDeepStrictEqual(namespace, { sandbox: sandbox.id })).forEach(visit);
    ordered.push(sandbox);
  };
  sandboxes.forEach(visit);
  return ordered;
}

async function removeRun({ paths, runtime }: Context, id: string): Promise<void> {
  await endLaunch(paths.run(id));
  await (await runtime()).deleteContainer(id, paths.run(id));
  await rm(paths.run(id), { recursive: true });
  await rm(join(paths.exits, id), { force: true });
}

/** The names in a directory that are no container's ID. */
async function orphans(directory: string, table: Context['table']): Promise<string[]> {
  return (await namesIn(directory)).filter((id) => table.get(id) === undefined);
}

async function namesIn(directory: string): Promise<string[]> {
  return existsSync(directory) ? readdir(directory) : [];
}

/** The containers whose namespaces a container is to have. */
function hostsOf({ table }: Context, { record }: Entry): Entry[] {
  const { network, namespaces = {} } = record.spec;
  const references = [
    ...(network.mode === 'container' ? [network.container] : []),
    ...Object.values(namespaces).flatMap((mode) => (mode.startsWith('container:') ? [mode.slice(10)] : [])),
  ];
  return [...table].filter(({ record: { id, name } }) => references.includes(id) || references.includes(name));
}
