/**
 * @module A lab for the containers' tests: an engine, images, volumes and containers in the file's private world, which
 * may be closed and opened again, and the proof that nothing is left.
 */

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { after } from 'node:test';
import { type Containers, type ContainersOptions, openContainers } from '../../src/container/containers.ts';
import { type Images, openImages } from '../../src/container/images/index.ts';
import { listMonitors } from '../../src/container/monitors.ts';
import type { Attachment, ContainerEvent, ContainerSpec } from '../../src/container/types.ts';
import { openVolumes, type Volumes } from '../../src/container/volumes.ts';
import { type Engine, openEngine } from '../../src/index.ts';

export const BUSYBOX = 'pontoon/busybox';

export interface Open {
  readonly engine: Engine;
  readonly images: Images;
  readonly volumes: Volumes;
  readonly containers: Containers;
}

export interface ContainerLab extends Open {
  readonly roots: { readonly dataRoot: string; readonly runRoot: string };
  /** What happened to containers, oldest first. */
  readonly events: ContainerEvent[];
  /** What failed in the background. It must be empty in the end: a test takes out what it expects. */
  readonly failures: string[];
  close(): Promise<void>;
  open(): Promise<void>;
  /** Closes all and opens it again. `between` runs while nothing is open. */
  reopen(between?: () => unknown): Promise<void>;
  /** Runs a container of busybox to its end. */
  run(command: readonly string[] | string, more?: Partial<ContainerSpec>): Promise<Run>;
}

export interface Run {
  readonly id: string;
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Opens everything on given directories. */
export async function openAll(
  roots: ContainerLab['roots'],
  more: Pick<ContainersOptions, 'log' | 'onEvent'>,
): Promise<Open> {
  const engine = await openEngine({ ...roots, onError: (error) => more.log.error(error.message) });
  const images = await openImages(roots);
  const volumes = await openVolumes(roots);
  const containers = await openContainers({ ...roots, ...more, engine, images, volumes });
  return { engine, images, volumes, containers };
}

/** Opens a lab, which ends after the file's last test with all its containers; nothing may be left of them. */
export async function openContainerLab(roots: ContainerLab['roots'] = temporaryRoots()): Promise<ContainerLab> {
  const events: ContainerEvent[] = [];
  const failures: string[] = [];
  const fail = (message: string): unknown => failures.push(message);
  const log = { info: () => {}, warn: fail, error: fail };
  const openAgain = (): Promise<Open> => openAll(roots, { log, onEvent: (event) => events.push(event) });
  let all = await openAgain();
  const lab: ContainerLab = {
    get engine() {
      return all.engine;
    },
    get images() {
      return all.images;
    },
    get volumes() {
      return all.volumes;
    },
    get containers() {
      return all.containers;
    },
    roots,
    events,
    failures,
    async close() {
      await all.containers[Symbol.asyncDispose]();
      await all.engine.close();
    },
    async open() {
      all = await openAgain();
    },
    async reopen(between) {
      await lab.close();
      await between?.();
      await lab.open();
    },
    async run(command, more = {}) {
      const args = typeof command === 'string' ? ['sh', '-c', command] : command;
      const { id } = await all.containers.create({ image: BUSYBOX, command: args, ...more });
      await using attachment = await all.containers.attach(id, { stdout: true, stderr: true });
      const texts = [readAll(attachment.stdout), readAll(attachment.stderr)] as const;
      const exit = all.containers.wait(id, { condition: 'next-exit' });
      await all.containers.start(id);
      const [stdout, stderr] = await Promise.all(texts);
      return { id, exitCode: (await exit).exitCode, stdout, stderr };
    },
  };
  after(async () => {
    try {
      for (const { id } of lab.containers.list()) await lab.containers.remove(id, { force: true, volumes: true });
      await lab.engine.settled();
      assertNothingLeft(lab);
    } finally {
      await lab.close(); // what is open keeps the process from ending
    }
    assert.deepEqual(failures, [], 'nothing failed in the background');
  });
  return lab;
}

/** All containers that have ever been seen here. */
const known = new Set<string>();

/** Everything that containers have on the host belongs to one that is there. */
export function assertNothingLeft({ roots, containers, engine, events }: ContainerLab, context = ''): void {
  const all = containers.list();
  for (const { id } of [...all, ...events]) known.add(id);
  const ids = all.map(({ id }) => id).sort();
  const running = all.flatMap(({ id, state }) => (state.pid > 0 ? [id] : [])).sort();
  const { dataRoot, runRoot } = roots;
  const strangers = (directory: string): string[] => names(directory).filter((id) => !ids.includes(id));
  const monitors = [...listMonitors().keys()].filter((path) => dirname(path) === join(runRoot, 'containers'));
  const found = {
    sandboxes: engine
      .listSandboxes()
      .map(({ id }) => id)
      .sort(),
    runningSandboxes: engine
      .listSandboxes()
      .flatMap((sandbox) => (sandbox.running ? [sandbox.id] : []))
      .sort(),
    strangeDataDirectories: strangers(join(dataRoot, 'containers')),
    strangeUpperDirectories: strangers(join(dataRoot, 'roots')),
    runDirectories: names(join(runRoot, 'containers')),
    runtimeStates: names(join(runRoot, 'runtime')),
    rootMounts: overlayMounts(runRoot),
    exitFiles: names(join(runRoot, 'exits')),
    monitors: monitors.map((path) => basename(path)).sort(),
    cgroups: [...known].filter((id) => hasCgroup(id)).sort(),
  };
  const expected = {
    sandboxes: ids,
    runningSandboxes: running,
    strangeDataDirectories: [],
    strangeUpperDirectories: [],
    runDirectories: running,
    runtimeStates: running,
    rootMounts: running,
    exitFiles: [],
    monitors: running,
    cgroups: running,
  };
  assert.deepEqual(found, expected, context === '' ? undefined : `${context}: ${JSON.stringify({ found, expected })}`);
}

export async function readAll(stream: Attachment['stdout']): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** The cgroups of a host are not in the file's private world: those of other worlds are none of our business. */
function hasCgroup(id: string): boolean {
  return ['', 'memory', 'pids', 'systemd', 'unified'].some((controller) =>
    existsSync(join('/sys/fs/cgroup', controller, 'pontoon', id)),
  );
}

function temporaryRoots(): ContainerLab['roots'] {
  const directory = mkdtempSync(join(tmpdir(), 'containers-'));
  return { dataRoot: join(directory, 'data'), runRoot: join(directory, 'run') };
}

function overlayMounts(runRoot: string): string[] {
  const points = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '');
  return points
    .filter((point) => point.startsWith(join(runRoot, 'roots/')))
    .map((point) => point.split('/').at(-1)!)
    .sort();
}

function names(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory).sort() : [];
}
