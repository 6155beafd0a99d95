/**
 * @module A place where containers run without images: one root directory with busybox, one network stack, the runtime.
 */

import { cpSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type BundleInput,
  type ExitRecord,
  ProcessStreams,
  processEnvironment,
  Runtime,
  resolveUser,
  watchExits,
} from '../../src/container/runtime/index.ts';
import type { Attachment, AttachOptions } from '../../src/container/types.ts';
import { NetworkNamespace } from '../../src/kernel/namespace.ts';
import { newId, shortId } from '../../src/network/identity.ts';

export const world = mkdtempSync(join(tmpdir(), 'runtime-'));
export const rootPath = join(world, 'root');
export const exitDirectory = join(world, 'exits');
makeRoot(rootPath);
const stackPath = join(world, 'net');
NetworkNamespace.create(stackPath)[Symbol.dispose]();
export const runtime = await Runtime.open({ runRoot: world });

const exited = new Map<string, (exit: ExitRecord) => void>();
const watching = await watchExits(
  exitDirectory,
  (id, exit) => exited.get(id)?.(exit),
  (error) => {
    throw error;
  },
);

/** Ends the watch, without which the process would stay. */
export function closeYard(): void {
  watching[Symbol.dispose]();
}

export interface Options {
  readonly args: readonly string[];
  /** Default: one that nobody else has. Control groups bear it, and are the machine's, not the test's own. */
  readonly id?: string;
  readonly terminal?: boolean;
  readonly stdin?: boolean;
  /** Default: as stdin. */
  readonly stdinOnce?: boolean;
  readonly spec?: Partial<BundleInput['spec']>;
  readonly input?: Partial<BundleInput>;
  readonly runtime?: Runtime;
  readonly exitDirectory?: string;
  readonly logPath?: string;
  readonly logSizeBytes?: number;
}

/** What the runtime is told of a container. */
export function bundleInput({ args, id = newId(), terminal = false, spec = {}, input = {} }: Options): BundleInput {
  return {
    id,
    spec: {
      name: shortId(id),
      image: 'busybox',
      env: [],
      labels: {},
      hostname: 'box',
      network: { mode: 'none' },
      restart: { name: 'no', maximumRetries: 0 },
      exposedPorts: [],
      workingDirectory: '/',
      user: '',
      ...spec,
    },
    process: {
      args,
      env: processEnvironment({ hostname: 'box', terminal, env: [] }),
      cwd: '/',
      terminal,
      ...resolveUser(rootPath, spec.user ?? '', spec.groups),
    },
    rootPath,
    mounts: [],
    files: {},
    networkNamespacePath: stackPath,
    sharedNamespaces: {},
    devices: [],
    ...input,
  };
}

/** A container that is created and not yet started. */
export async function create(options: Options) {
  const input = bundleInput(options);
  const { id } = input;
  const directory = join(world, id);
  const logPath = options.logPath ?? join(world, `${id}.log`);
  const exit = new Promise<ExitRecord>((resolve) => exited.set(id, resolve));
  const { stdin = false } = options;
  const processes = await (options.runtime ?? runtime).launch({
    id,
    input,
    terminal: input.process.terminal,
    directory,
    logPath,
    ...(options.logSizeBytes === undefined ? {} : { logSizeBytes: options.logSizeBytes }),
    exitDirectory: options.exitDirectory ?? exitDirectory,
    stdin,
    stdinOnce: options.stdinOnce ?? stdin,
  });
  return { id, directory, logPath, input, exit, ...processes };
}

/** The streams of a container's process, for one who is alone with it. */
export async function attach(directory: string, options: AttachOptions): Promise<Attachment> {
  return (await ProcessStreams.connect(directory, { stdinOnce: true })).attach(options);
}

/** Runs a container to its end; what it logged is in the log. */
export async function runToEnd(options: Options) {
  const container = await create(options);
  await runtime.startProcess(container.id);
  const { code } = await container.exit;
  return { ...container, code };
}

function makeRoot(path: string): void {
  for (const name of ['bin', 'etc', 'dev', 'proc', 'sys', 'tmp']) mkdirSync(join(path, name), { recursive: true });
  cpSync('/bin/busybox', join(path, 'bin/busybox'));
  for (const name of ['sh', 'cat', 'sleep', 'true', 'stty', 'id']) symlinkSync('busybox', join(path, 'bin', name));
  writeFileSync(join(path, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n');
  writeFileSync(join(path, 'etc/group'), 'root:x:0:\nann:x:1000:\nextra:x:2000:ann\n');
}
