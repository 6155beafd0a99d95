/**
 * @module Creating a container: its name, its spec with the image's part, its sandbox, its record, its volumes.
 *
 * The record is the point of no return. A crash before it leaves a sandbox that no container has, which the next
 * opening removes; a crash after it leaves a container that may lack a volume, which the next opening makes.
 */

import { hostname as hostHostname } from 'node:os';
import { newId, shortId } from '../network/identity.ts';
import { type Context, emit } from './context.ts';
import type { Entry } from './entry.ts';
import { logSizeBytes } from './log-options.ts';
import { checkBinds, planMounts } from './mounts.ts';
import { checkContainerName, pickName } from './names.ts';
import { linksById, sandboxSpec } from './networking.ts';
import type { ContainerRecord } from './record.ts';
import { dismantle } from './removal.ts';
import { commandLine, resolveSpec } from './resolve.ts';
import { beginCgroupWait, checkSecurity, readHost } from './runtime/index.ts';
import type { Table } from './table.ts';
import type { ContainerSpec, Image, NetworkModeSpec } from './types.ts';
import { makeVolumes } from './volume-contents.ts';

/** @throws PontoonError; nothing has changed then */
export async function create(context: Context, spec: ContainerSpec): Promise<Entry> {
  beginCgroupWait(); // most are started at once
  const { table } = context;
  const id = newId();
  const name = spec.name === undefined ? pickName((taken) => table.isTaken(taken)) : checkContainerName(spec.name);
  table.reserve(name, id);
  try {
    const entry = await declare(context, { ...spec, name }, id);
    await entry.turn.run(() => equip(context, entry));
    emit(context, entry, 'create');
    return entry;
  } catch (error) {
    table.release(name, id);
    throw error;
  }
}

/** Makes the sandbox and the record. */
async function declare(context: Context, spec: ContainerSpec & { readonly name: string }, id: string): Promise<Entry> {
  const { engine, images, table } = context;
  const record = planRecord(table, spec, id, images.find(spec.image));
  await checkBinds(record.spec.mounts ?? []);
  checkSecurity(record.spec.security ?? {}, await readHost());
  logSizeBytes(record.spec.logging?.options); // says what is wrong with it
  await engine.createSandbox(sandboxSpec(context, record));
  try {
    return table.add(record);
  } catch (error) {
    await engine.removeSandbox(id);
    throw error;
  }
}

/** Makes what the record promises, or takes it back. */
async function equip(context: Context, entry: Entry): Promise<void> {
  try {
    await makeVolumes(context, entry);
  } catch (error) {
    context.table.commit(entry, { phase: 'removing', removesVolumes: true });
    await dismantle(context, entry);
    throw error;
  }
}

function planRecord(
  table: Table,
  spec: ContainerSpec & { readonly name: string },
  id: string,
  image: Image,
): ContainerRecord {
  const { name, links = [], waitingPorts = [], ...rest } = spec;
  const network = spec.network === undefined ? undefined : withId(table, spec.network);
  const resolved = resolveSpec(
    {
      ...rest,
      name,
      ...(network === undefined ? {} : { network }),
      links: linksById(table, links),
    },
    image.config,
    { name, hostname: spec.hostname || defaultHostname(table, id, network) },
  );
  return {
    id,
    name,
    createdMs: Date.now(),
    spec: resolved,
    imageId: image.id,
    ...commandLine(resolved),
    mounts: planMounts(resolved, image.config, (ref) => table.find(ref).record.mounts),
    phase: 'created',
    exitCode: 0,
    oomKilled: false,
    error: '',
    startedMs: undefined,
    finishedMs: undefined,
    restartCount: 0,
    stoppedByHand: false,
    removesVolumes: false,
    ...(waitingPorts.length > 0 && { waitingPorts }),
  };
}

/** A reference may mean another container tomorrow; an ID does not. */
function withId(table: Table, network: NetworkModeSpec): NetworkModeSpec {
  return network.mode === 'container' ? { ...network, container: table.find(network.container).id } : network;
}

function defaultHostname(table: Table, id: string, network: NetworkModeSpec | undefined): string {
  if (network?.mode === 'host') return hostHostname();
  if (network?.mode === 'container') return table.find(network.container).record.spec.hostname;
  return shortId(id);
}
