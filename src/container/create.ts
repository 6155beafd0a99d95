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
import { checkBinds, planMounts } from './mounts.ts';
import { checkContainerName, pickName } from './names.ts';
import { sandboxSpec } from './networking.ts';
import type { ContainerRecord } from './record.ts';
import { commandLine, resolveSpec } from './resolve.ts';
import type { Table } from './table.ts';
import type { ContainerSpec, Image, NetworkModeSpec } from './types.ts';
import { makeVolumes } from './volume-contents.ts';

/** @throws PontoonError; nothing has changed then */
export async function create(context: Context, spec: ContainerSpec): Promise<Entry> {
  const { engine, images, table } = context;
  const id = newId();
  const name = spec.name === undefined ? pickName((taken) => table.isTaken(taken)) : checkContainerName(spec.name);
  table.reserve(name, id);
  let sandboxed = false;
  try {
    const image = images.find(spec.image);
    const record = planRecord(table, { ...spec, name }, id, image);
    checkBinds(record.spec.mounts ?? []);
    await engine.createSandbox(sandboxSpec(context, record));
    sandboxed = true;
    const entry = table.add(record);
    await entry.turn.run(() => makeVolumes(context, entry));
    emit(context, entry, 'create');
    return entry;
  } catch (error) {
    const entry = table.get(id);
    if (entry !== undefined) table.delete(entry);
    table.release(name, id);
    if (sandboxed) await engine.removeSandbox(id);
    throw error;
  }
}

function planRecord(
  table: Table,
  spec: ContainerSpec & { readonly name: string },
  id: string,
  image: Image,
): ContainerRecord {
  const { name, links = [] } = spec;
  const network = spec.network === undefined ? undefined : withId(table, spec.network);
  const resolved = resolveSpec(
    {
      ...spec,
      ...(network === undefined ? {} : { network }),
      links: links.map(({ container, alias }) => ({ container: table.find(container).id, alias })),
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
