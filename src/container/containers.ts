/**
 * @module Containers: processes with a root, a network stack and limits of their own, declared here and kept running.
 *
 * What should be is in the store and is written first; the world follows. Everything goes on while nobody has this
 * open: conmon holds each container's streams and writes its log and exit code, the kernel its network. The next
 * `openContainers` finds what runs, learns what ended, finishes what a crash left half done, and starts what its
 * restart policy says. What is done to one container is done in turn; containers do not wait for each other.
 */

import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Engine } from '../network/engine.ts';
import type { Endpoint, EndpointSpec, PortBinding, PortBindingSpec, UnpublishSelector } from '../network/types.ts';
import { connectStreams } from './bring-up.ts';
import { type Context, emit, type Log, Paths, wrongState } from './context.ts';
import { create } from './create.ts';
import type { Entry } from './entry.ts';
import { createExec, idsOfExecs, inspectExec, leaveExecs, resizeExec, startExec } from './execs.ts';
import { followExits } from './exits.ts';
import { type CopyInOptions, copyIn, copyOut, exportRoot, statIn } from './files.ts';
import { Gate } from './gate.ts';
import type { Images } from './images/index.ts';
import { start } from './lifecycle.ts';
import { readLog } from './logs.ts';
import { joinNetwork, leaveNetwork } from './memberships.ts';
import { addLinks, linksById } from './networking.ts';
import { isPruned, type PruneFilter } from './prune.ts';
import { reconcileAtStart, startByPolicy } from './reconcile-at-start.ts';
import { hasProcess, isActive } from './record.ts';
import { type RemoveOptions, remove } from './removal.ts';
import { changes, rootPaths } from './rootfs.ts';
import { Runtime, resize } from './runtime/index.ts';
import { type Sizes, sizeBelow } from './sizes.ts';
import { readUsage } from './stats.ts';
import { kill, killNow, pause, restart, type StopOptions, stop, unpause } from './stopping.ts';
import { ContainerStore } from './store.ts';
import { Table } from './table.ts';
import { listProcesses, type ProcessTable } from './top.ts';
import type {
  Attachment,
  AttachOptions,
  Change,
  Container,
  ContainerEvent,
  ContainerSpec,
  Exec,
  ExecSpec,
  ExitResult,
  LinkSpec,
  LogEntry,
  LogOptions,
  PathStat,
  Usage,
} from './types.ts';
import { rename, type UpdateOptions, update } from './update.ts';
import { viewContainer } from './view.ts';
import type { Volumes } from './volumes.ts';

export interface ContainersOptions {
  readonly engine: Engine;
  readonly images: Images;
  readonly volumes: Volumes;
  /** What outlives a reboot. Default: /var/lib/pontoon. */
  readonly dataRoot?: string;
  /** What a reboot takes. Default: /run/pontoon. */
  readonly runRoot?: string;
  readonly log: Log;
  /** The OCI runtime that is asked first: 'crun' or 'runc'. */
  readonly runtime?: string;
  /** What happens to containers, in Docker's words. */
  readonly onEvent?: (event: ContainerEvent) => void;
}

/** Mount points that the runtime makes where the image has none. */
const MADE_BY_RUNTIME = [
  '/dev',
  '/proc',
  '/sys',
  '/etc/hosts',
  '/etc/hostname',
  '/etc/resolv.conf',
  '/sbin/docker-init',
];

export type WaitCondition = 'not-running' | 'next-exit' | 'removed';

/** Opens the containers: reads what should be, finds what runs, and makes the two equal. @throws PontoonError store */
export async function openContainers(options: ContainersOptions): Promise<Containers> {
  const { engine, images, volumes, log, onEvent = () => {} } = options;
  const paths = new Paths(options.dataRoot ?? '/var/lib/pontoon', options.runRoot ?? '/run/pontoon');
  await using cleanup = new AsyncDisposableStack();
  const store = cleanup.use(new ContainerStore(join(paths.dataRoot, 'containers.db')));
  let runtime: Promise<Runtime> | undefined;
  const openRuntime = async (): Promise<Runtime> => {
    runtime ??= Runtime.open({ runRoot: paths.runRoot, preferred: options.runtime });
    try {
      return await runtime;
    } catch (error) {
      runtime = undefined; // it may be installed later
      throw error;
    }
  };
  const context: Context = {
    engine,
    images,
    volumes,
    table: new Table(store),
    execs: new Map(),
    runtime: openRuntime,
    gate: new Gate(2 * availableParallelism()),
    paths,
    log,
    onEvent,
  };
  await reconcileAtStart(context);
  const exits = cleanup.use(await followExits(context));
  startByPolicy(context);
  cleanup.move();
  return new Containers(context, store, exits);
}

export class Containers implements AsyncDisposable {
  readonly #context: Context;
  readonly #store: ContainerStore;
  readonly #exits: Disposable;

  /** Use `openContainers`. */
  constructor(context: Context, store: ContainerStore, exits: Disposable) {
    this.#context = context;
    this.#store = store;
    this.#exits = exits;
  }

  /** All containers, the newest first. */
  list(): Container[] {
    return [...this.#context.table].map((entry) => this.#view(entry)).reverse();
  }

  /** @throws PontoonError container-not-found */
  find(ref: string): Container {
    return this.#view(this.#find(ref));
  }

  /** Makes a container that does not run yet. @throws PontoonError name-taken, image-not-found, bad-value, … */
  async create(spec: ContainerSpec): Promise<Container> {
    return this.#view(await create(this.#context, spec));
  }

  /** False when it runs already. @throws PontoonError; it does not run then */
  start(ref: string): Promise<boolean> {
    return this.#inTurn(ref, (entry) => start(this.#context, entry));
  }

  /** Asks it to end, and kills it when it has not in time. False when it did not run. @throws PontoonError */
  async stop(ref: string, options: StopOptions = {}): Promise<boolean> {
    return stop(this.#context, this.#find(ref), options);
  }

  /** @throws PontoonError container-state, bad-value */
  async kill(ref: string, signal?: string): Promise<void> {
    return kill(this.#context, this.#find(ref), signal);
  }

  /** @throws PontoonError */
  async restart(ref: string, options: StopOptions = {}): Promise<void> {
    return restart(this.#context, this.#find(ref), options);
  }

  /** @throws PontoonError container-state */
  async pause(ref: string): Promise<void> {
    return pause(this.#context, this.#find(ref));
  }

  /** @throws PontoonError container-state */
  async unpause(ref: string): Promise<void> {
    return unpause(this.#context, this.#find(ref));
  }

  /**
   * Waits for the end of a run, or for the removal.
   * @throws PontoonError container-not-found; the signal's reason
   */
  async wait(
    ref: string,
    { condition = 'not-running', signal }: { readonly condition?: WaitCondition; readonly signal?: AbortSignal } = {},
  ): Promise<ExitResult> {
    const { record, waits } = this.#find(ref);
    if (condition === 'removed') return waits.removal(signal);
    if (condition === 'not-running' && !isActive(record)) return { exitCode: record.exitCode };
    return waits.nextExit(signal);
  }

  /** @throws PontoonError container-state unless it is forced */
  async remove(ref: string, options: RemoveOptions & { readonly force?: boolean } = {}): Promise<void> {
    const entry = this.#find(ref);
    if (options.force === true) await killNow(this.#context, entry);
    await entry.turn.run(() => remove(this.#context, entry, options));
  }

  /** @throws PontoonError name-taken, bad-name */
  rename(ref: string, name: string): Promise<void> {
    return this.#inTurn(ref, (entry) => rename(this.#context, entry, name));
  }

  /** Changes limits, live, and the restart policy. @throws PontoonError; nothing has changed then */
  update(ref: string, change: UpdateOptions): Promise<void> {
    return this.#inTurn(ref, (entry) => update(this.#context, entry, change));
  }

  /**
   * Connects to the streams of a container; of one that does not run, to those that it will have. One whose standard
   * input was not opened has none.
   * @throws PontoonError container-not-found
   */
  async attach(ref: string, asked: AttachOptions): Promise<Attachment> {
    const { log } = this.#context;
    const entry = this.#find(ref);
    const options = { ...asked, stdin: asked.stdin === true && entry.record.spec.openStdin === true };
    emit(this.#context, entry, 'attach');
    if (entry.process !== undefined && hasProcess(entry.record)) {
      return entry.attachments.join(() => connectStreams(this.#context, entry), options);
    }
    return entry.attachments.wait(options, (error) => log.warn(`a stream of ${entry.record.name}: ${error.message}`));
  }

  /** The size of its terminal. @throws PontoonError container-state */
  async resize(ref: string, rows: number, columns: number): Promise<void> {
    const entry = this.#find(ref);
    requireProcess(entry);
    await resize(this.#context.paths.run(entry.id), rows, columns);
    emit(this.#context, entry, 'resize', { height: String(rows), width: String(columns) });
  }

  /** Sets up a command to be run in a container. @throws PontoonError container-state, bad-value */
  async createExec(ref: string, spec: ExecSpec): Promise<Exec> {
    return createExec(this.#context, this.#find(ref), spec);
  }

  /** Its streams; nothing when it is detached. @throws PontoonError exec-not-found, container-state, start-failed */
  startExec(id: string, options: { readonly detach?: boolean } = {}): Promise<Attachment | undefined> {
    return startExec(this.#context, id, options);
  }

  /** @throws PontoonError exec-not-found, container-state */
  resizeExec(id: string, rows: number, columns: number): Promise<void> {
    return resizeExec(this.#context, id, rows, columns);
  }

  /** The commands in a container that have not ended, by ID. @throws PontoonError container-not-found */
  execIds(ref: string): string[] {
    return idsOfExecs(this.#context, this.#find(ref));
  }

  /** @throws PontoonError exec-not-found */
  inspectExec(id: string): Exec {
    return inspectExec(this.#context, id);
  }

  /** @throws PontoonError container-not-found; container-state without a log */
  requireLog(ref: string): void {
    const entry = this.#find(ref);
    if (entry.record.spec.logging?.driver === 'none')
      throw wrongState(entry, 'configured logging driver does not support reading');
  }

  /** What it wrote, as far as its log has it. @throws the same as `requireLog` */
  logs(ref: string, options: LogOptions = {}): AsyncGenerator<LogEntry, void> {
    this.requireLog(ref);
    const entry = this.#find(ref);
    // Docker does not wait for a container that does not run to begin to speak.
    const follow = options.follow === true && isActive(entry.record);
    return readLog(this.#context.paths.log(entry.id), { ...options, follow }, (signal) => entry.ended(signal));
  }

  /** Its processes, as `ps` shows them. @throws PontoonError container-state, bad-value */
  async top(ref: string, psArgs?: string): Promise<ProcessTable> {
    const entry = this.#find(ref);
    emit(this.#context, entry, 'top');
    return listProcesses(requireProcess(entry), psArgs);
  }

  /** What it uses now. @throws PontoonError container-state */
  async usage(ref: string): Promise<Usage> {
    return readUsage(requireProcess(this.#find(ref)));
  }

  /** @throws PontoonError path-not-found */
  async statPath(ref: string, path: string): Promise<PathStat> {
    return statIn(this.#context, this.#find(ref), path);
  }

  /** A tar of what is at the path, as `docker cp` reads it. @throws PontoonError path-not-found */
  async readArchive(ref: string, path: string): Promise<Readable> {
    return copyOut(this.#context, this.#find(ref), path);
  }

  /** Unpacks a tar in the directory at the path. Nothing gets out of the container's root. @throws PontoonError */
  async writeArchive(ref: string, path: string, tar: Readable, options: CopyInOptions = {}): Promise<void> {
    return copyIn(this.#context, this.#find(ref), path, tar, options);
  }

  /** A tar of its root, without what is mounted in it. */
  async export(ref: string): Promise<Readable> {
    return exportRoot(this.#context, this.#find(ref));
  }

  /** What it changed in its image's root, without where something is mounted. */
  async changes(ref: string): Promise<Change[]> {
    const { images, paths } = this.#context;
    const { id, record } = this.#find(ref);
    const [{ lower }, root] = [await images.root(record.imageId), rootPaths({ id, ...paths.roots })];
    return changes({ ...root, lower }, [...MADE_BY_RUNTIME, ...record.mounts.map(({ target }) => target)]);
  }

  /** How much room a container takes: none where it has been removed meanwhile. */
  async sizes({ id, imageId }: Pick<Container, 'id' | 'imageId'>): Promise<Sizes> {
    const { images, paths } = this.#context;
    const rwBytes = await sizeBelow(rootPaths({ id, ...paths.roots }).upper);
    const image = images.list().find((one) => one.id === imageId);
    return { rwBytes, rootBytes: (image?.sizeBytes ?? 0) + rwBytes };
  }

  /** Attaches it to a network, live, where others may be linked to it. @throws PontoonError; nothing has changed then */
  connect(ref: string, network: string, spec: EndpointSpec = {}, links: readonly LinkSpec[] = []): Promise<Endpoint> {
    return this.#inTurn(ref, async (entry) => {
      const byId = linksById(this.#context.table, links); // before anything has changed
      const endpoint = await joinNetwork(this.#context, entry, network, spec);
      await addLinks(
        this.#context,
        entry,
        byId.map((link) => ({ ...link, network: endpoint.networkId })),
      );
      return endpoint;
    });
  }

  /** Takes it off a network, live; or only if it does not run. @throws PontoonError endpoint-not-found */
  disconnect(ref: string, network: string, { ifStopped = false } = {}): Promise<void> {
    return this.#inTurn(ref, async (entry) => {
      if (ifStopped && this.#context.engine.inspectSandbox(entry.id).running) return;
      await leaveNetwork(this.#context, entry, network);
    });
  }

  /** Publishes a port or a range, live. @throws PontoonError port-taken, …; nothing has changed then */
  publish(ref: string, spec: PortBindingSpec, options: { readonly network?: string } = {}): Promise<PortBinding[]> {
    return this.#inTurn(ref, ({ id }) => this.#context.engine.publish(id, spec, options));
  }

  /** Takes bindings away, live; returns them. @throws PontoonError binding-not-found */
  unpublish(ref: string, selector: UnpublishSelector): Promise<PortBinding[]> {
    return this.#inTurn(ref, ({ id }) => this.#context.engine.unpublish(id, selector));
  }

  /** Removes all that do not run and fit the filter; returns their IDs. */
  async prune(filter: PruneFilter = {}): Promise<{ readonly removed: readonly string[]; readonly freedBytes: number }> {
    const entries = [...this.#context.table].filter(({ record }) => isPruned(record, filter));
    const removed: string[] = [];
    let freedBytes = 0;
    for (const entry of entries) {
      await entry.turn.run(async () => {
        if (!isPruned(entry.record, filter)) return;
        const { rwBytes } = await this.sizes(entry.record);
        await remove(this.#context, entry);
        removed.push(entry.id);
        freedBytes += rwBytes;
      });
    }
    return { removed, freedBytes };
  }

  /** Lets go of all: containers run on. */
  async [Symbol.asyncDispose](): Promise<void> {
    const entries = [...this.#context.table];
    this.#exits[Symbol.dispose]();
    await Promise.all(entries.map((entry) => entry.turn.settled()));
    for (const entry of entries) {
      entry.forgetNextStart();
      entry.health?.[Symbol.dispose]();
    }
    leaveExecs(this.#context);
    await Promise.all(entries.map(({ attachments }) => attachments.close()));
    this.#store[Symbol.dispose]();
  }

  async #inTurn<T>(ref: string, operation: (entry: Entry) => T | Promise<T>): Promise<T> {
    const entry = this.#find(ref);
    return entry.turn.run(() => operation(entry));
  }

  #find(ref: string): Entry {
    return this.#context.table.find(ref);
  }

  #view(entry: Entry): Container {
    return viewContainer(this.#context, entry);
  }
}

function requireProcess(entry: Entry): number {
  if (entry.process !== undefined) return entry.process.pid;
  throw wrongState(entry, `Container ${entry.id} is not running`);
}
