/**
 * @module What a start makes and the end of a run takes away: network stack, root file system, bundle, process.
 *
 * `takeDown` takes away whatever of it is there, so it undoes half a start as well as a whole one, and what a crash has
 * left.
 */

import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { step } from '../network/step.ts';
import { allOrFirstError } from './all-or-first-error.ts';
import { resolveBundle } from './bundle.ts';
import type { Context } from './context.ts';
import type { Entry } from './entry.ts';
import { logSizeBytes } from './log-options.ts';
import { endMonitor } from './monitors.ts';
import { startStack, stopStack } from './networking.ts';
import { removeTree } from './remove-tree.ts';
import { mountRoot, type RootPaths, unmountRoot } from './rootfs.ts';
import { type BundleInput, ProcessStreams } from './runtime/index.ts';
import { detachSharedMemory } from './shm.ts';
import { mountVolumes } from './volume-contents.ts';

/** Makes a container run; its record says so already. @throws PontoonError; `takeDown` then takes away what is there */
export async function raise(context: Context, entry: Entry): Promise<void> {
  const { paths } = context;
  const { id, name, spec } = entry.record;
  const directory = paths.run(id);
  mkdirSync(paths.container(id), { recursive: true, mode: 0o710 });
  const runtime = await context.runtime();
  entry.process = await runtime.launch({
    id,
    input: surround(context, entry),
    terminal: spec.tty === true,
    name,
    directory,
    logPath: spec.logging?.driver === 'none' ? undefined : paths.log(id),
    logSizeBytes: logSizeBytes(spec.logging?.options),
    exitDirectory: paths.exits,
    stdin: spec.openStdin === true,
    stdinOnce: spec.stdinOnce === true,
  });
  step(`container ${name}: attach`);
  await entry.attachments.begin(() => connectStreams(context, entry));
  step(`container ${name}: process`);
  await beginProcess(context, entry);
}

/** Lets the process that waits become the program. @throws PontoonError start-failed */
export async function beginProcess(context: Context, entry: Entry): Promise<void> {
  await (await context.runtime()).startProcess(entry.id);
  entry.begunMs = performance.now();
}

/** The streams of a container's process. @throws KernelError where there is none */
export function connectStreams({ paths }: Context, { id, record }: Entry): Promise<ProcessStreams> {
  const { stdinOnce = false, tty = false } = record.spec;
  return ProcessStreams.connect(paths.run(id), { stdinOnce: stdinOnce && !tty });
}

/** Makes all that a container runs in, and says what the runtime is to be told. */
async function surround(context: Context, entry: Entry): Promise<BundleInput> {
  const { name } = entry.record;
  // None of these needs another; one that fails must not leave another one at work.
  const [sandbox, root, mounts] = await allOrFirstError([
    startStack(context, entry),
    mountRootOf(context, entry),
    mountVolumes(context, entry),
  ]);
  step(`container ${name}: bundle`);
  const bundle = await resolveBundle(context, entry, { sandbox, root, mounts });
  step(`container ${name}: launch`);
  return bundle;
}

/** Mounts the root of a container, unless it is mounted. */
export async function mountRootOf({ images, paths }: Context, entry: Entry): Promise<RootPaths> {
  const { record } = entry;
  const { lower } = await images.root(record.imageId);
  entry.lower = lower;
  step(`container ${record.name}: root`);
  return mountRoot({ id: record.id, lower, ...paths.roots });
}

/** Takes away what a start made, as far as it is there. */
export async function takeDown(context: Context, entry: Entry): Promise<void> {
  endHealth(entry);
  await allOrFirstError([stopStack(context, entry), endProcess(context, entry)]);
  step(`container ${entry.record.name}: root`);
  unmountRoot({ id: entry.id, runRoot: context.paths.runRoot });
}

/** Who is not checked any more is not healthy, as Docker has it. */
function endHealth(entry: Entry): void {
  if (entry.health === undefined) return;
  entry.lastHealth = { ...entry.health.health, status: 'unhealthy' };
  entry.health[Symbol.dispose]();
  entry.health = undefined;
}

/** No process of the container, no conmon and no word of either is left. */
export async function endProcess(context: Context, entry: Entry): Promise<void> {
  const { paths } = context;
  const directory = paths.run(entry.id);
  if (existsSync(directory)) {
    const runtime = await context.runtime();
    step(`container ${entry.record.name}: deletion`);
    await runtime.deleteContainer(entry.id, directory);
    await endMonitor(directory);
    step(`container ${entry.record.name}: run directory`);
    detachSharedMemory(paths, entry.id);
    await removeTree(directory);
  }
  entry.process = undefined;
  for (const name of [entry.id, `${entry.id}.claimed`]) rmSync(join(paths.exits, name), { force: true });
}
