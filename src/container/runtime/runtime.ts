/**
 * @module The runtime: creates, starts, signals and deletes containers, and runs further processes in them.
 *
 * Each container has a directory (its bundle) below the run directory, in which conmon and the runtime find config.json
 * and leave attach, ctl, the process IDs and `oom`. An exec has one of its own. All calls are asynchronous; none is
 * undone by itself: after a failed launch call deleteContainer.
 */

import { mkdirSync, readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PontoonError } from '../../errors.ts';
import type { Attachment, AttachOptions, ResourceSpec } from '../types.ts';
import { readBundle, writeBundle } from './bundle.ts';
import { beginCgroupWait } from './cgroup-wait.ts';
import { CompiledFilters } from './compiled-filters.ts';
import { Conmon } from './conmon.ts';
import { passExecFifo } from './exec-fifo.ts';
import { startFailure } from './failure.ts';
import { readHost } from './host.ts';
import { ProcessStreams } from './process-streams.ts';
import { findConmon, findRuntime, isCrun, type Program, run } from './program.ts';
import { removeRemains } from './remains.ts';
import { limits } from './resources.ts';
import { SealedProgram } from './sealed-program.ts';
import { cgroupPath, type OciProcess, ociSpec } from './spec.ts';
import type { BundleInput } from './types.ts';

export interface LaunchOptions {
  readonly id: string;
  /** What the container is; its terminal as `terminal` says. */
  readonly input: BundleInput | Promise<BundleInput>;
  readonly terminal: boolean;
  /** For conmon's own messages. */
  readonly name?: string;
  /** The bundle. */
  readonly directory: string;
  /** undefined: nothing is logged. */
  readonly logPath: string | undefined;
  /** The log starts anew beyond this size. */
  readonly logSizeBytes?: number | undefined;
  readonly exitDirectory: string;
  /** Standard input is open. */
  readonly stdin: boolean;
  /** It is closed when the first who is attached goes. */
  readonly stdinOnce?: boolean;
}

export interface ExecuteOptions {
  /** The container's. */
  readonly id: string;
  readonly execId: string;
  /** A directory of its own, made here: process.json, the exit code (see readExit), attach, ctl. */
  readonly directory: string;
  /** See execProcess. */
  readonly process: OciProcess;
  readonly terminal: boolean;
  /** Absent: detached. */
  readonly attach?: AttachOptions;
}

/** A process that runs in a container beside its first. To dispose of it lets go of it: it runs on. */
export interface Execution extends Disposable {
  readonly pid: number;
  readonly attachment: Attachment | undefined;
  /** Never rejects. undefined: nobody knows, since conmon was killed or we let go. */
  readonly exitCode: Promise<number | undefined>;
}

const POLL_MS = 5;
/** A killed process is gone at once, unless it hangs in the kernel. */
const PATIENCE_MS = 2000;
/** Where conmon says its number, and that of the container's process, in the run directory. */
export const CONMON_PID = 'conmon.pid';
export const CONTAINER_PID = 'container.pid';

export class Runtime {
  readonly name: string;
  readonly #conmon: Program;
  /** Where the runtime keeps the state of its containers. */
  readonly #root: string;
  /** Where it finds what is too long for a command line. */
  readonly #scratch: string;
  readonly #runtime: Program;
  readonly #sealed: SealedProgram;
  readonly #filters: CompiledFilters;
  /** Of the containers that we have launched ourselves: where they are in the cgroup tree. */
  readonly #cgroups = new Map<string, string>();

  private constructor(runtime: Program, conmon: Program, runRoot: string) {
    this.name = runtime.name;
    this.#conmon = conmon;
    this.#root = join(runRoot, 'runtime');
    this.#scratch = runRoot;
    this.#runtime = runtime;
    this.#sealed = new SealedProgram(runtime.path);
    this.#filters = new CompiledFilters(this.#root);
  }

  /** @throws PontoonError program-missing */
  static async open({ runRoot, preferred }: { runRoot: string; preferred?: string | undefined }): Promise<Runtime> {
    const [runtime, conmon] = await Promise.all([findRuntime({ preferred }), findConmon()]);
    const opened = new Runtime(runtime, conmon, runRoot);
    await mkdir(opened.#root, { recursive: true, mode: 0o711 });
    return opened;
  }

  /**
   * Creates the container: its process is there and waits for startProcess. conmon starts while `input` is in the making.
   * @throws PontoonError start-failed, program, bad-value, and whatever `input` is rejected with
   */
  async launch(options: LaunchOptions): Promise<{ pid: number; conmonPid: number }> {
    const { id, directory, name = id, terminal, stdin, stdinOnce = false } = options;
    beginCgroupWait();
    const begin = (): Conmon => {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      const args = [
        ...this.#commonArguments(id, id, directory, name, options.exitDirectory),
        ...['--conmon-pidfile', join(directory, CONMON_PID)],
        ...logArguments(options),
        ...(terminal ? ['--terminal'] : stdin ? ['--stdin'] : []),
        ...(stdin && !stdinOnce ? ['--leave-stdin-open'] : []),
      ];
      return new Conmon(this.#conmon.path, args, { directory });
    };
    using conmon = await besides(options.input, begin);
    const input = await options.input;
    const config = ociSpec(input, await readHost());
    writeBundle(directory, this.#filters.apply(config));
    this.#cgroups.set(id, cgroupPath(input));
    conmon.proceed();
    const { data: pid, message } = await conmon.report();
    if (pid <= 0) throw startFailure('create', this.name, message, input.process.args[0]);
    await this.#filters.learn(id, config);
    return { pid, conmonPid: Number(readFileSync(join(directory, CONMON_PID), 'utf8')) };
  }

  /** Lets the container's process run. @throws PontoonError start-failed */
  async startProcess(id: string): Promise<void> {
    if (isCrun(this.#runtime) && passExecFifo(join(this.#root, id))) return;
    const { exitCode, stderr } = await this.#runBare(['start', id]);
    if (exitCode !== 0) throw startFailure('start', this.name, stderr);
  }

  /** @throws PontoonError program; also where the process has ended already */
  async signal(id: string, signal: number): Promise<void> {
    await this.#command('kill', id, String(signal));
  }

  async pause(id: string): Promise<void> {
    await this.#command('pause', id);
  }

  async resume(id: string): Promise<void> {
    await this.#command('resume', id);
  }

  /**
   * Kills what still runs and forgets the container; nothing happens where there is none. By its bundle in `directory`,
   * what a runtime has left that was killed while it created the container is found too.
   * @throws PontoonError program
   */
  async deleteContainer(id: string, directory?: string): Promise<void> {
    const cgroup = this.#cgroupOf(id, directory);
    this.#cgroups.delete(id);
    if (cgroup !== undefined && (await this.#removeRemains(id, cgroup))) return;
    await this.#command('delete', '--force', id);
    if (cgroup === undefined) return;
    for (const deadline = Date.now() + PATIENCE_MS; !(await this.#removeRemains(id, cgroup)); await sleep(POLL_MS)) {
      if (Date.now() > deadline) throw this.#failure('delete', `processes do not leave the cgroup ${cgroup}`);
    }
  }

  /** Changes the limits that are given; the others stay. @throws PontoonError program */
  async update(id: string, resources: ResourceSpec): Promise<void> {
    const changes = limits(resources, await readHost());
    if (changes === undefined) return;
    const path = join(this.#scratch, `${id}.update.json`);
    await writeFile(path, JSON.stringify(changes));
    try {
      await this.#command('update', '--resources', path, id);
    } finally {
      await rm(path, { force: true });
    }
  }

  /** Runs another process in a container. @throws PontoonError start-failed, program; the directory is gone then */
  async execute(options: ExecuteOptions): Promise<Execution> {
    const { id, execId, directory, terminal } = options;
    beginCgroupWait();
    const exits = join(directory, 'exit');
    const specPath = join(directory, 'process.json');
    await mkdir(exits, { recursive: true, mode: 0o700 });
    await writeFile(specPath, JSON.stringify(options.process));
    const args = [
      ...this.#commonArguments(id, execId, directory, execId, exits),
      ...['--exec', '--exec-attach', '--exec-process-spec', specPath, '--log-path', 'none'],
      ...(terminal ? ['--terminal'] : options.attach?.stdin ? ['--stdin'] : []),
    ];
    try {
      using hold = new DisposableStack();
      const conmon = hold.use(new Conmon(this.#conmon.path, args, { directory, waitsForAttach: true }));
      conmon.proceed();
      await conmon.listening();
      let attachment: Attachment | undefined;
      if (options.attach !== undefined) {
        const streams = hold.use(await ProcessStreams.connect(directory, { stdinOnce: !terminal }));
        attachment = streams.attach(options.attach);
      }
      conmon.proceed();
      const { data: pid, message } = await conmon.report();
      if (pid <= 0) throw startFailure('exec', this.name, message, options.process.args[0]);
      const held = hold.move();
      return { pid, attachment, exitCode: exitOf(conmon), [Symbol.dispose]: () => held.dispose() };
    } catch (error) {
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
  }

  #commonArguments(id: string, unique: string, directory: string, name: string, exits: string): string[] {
    const [runtime = '', ...words] = [...this.#runtime.wrapper, this.#sealed.path(), '--root', this.#root];
    return [
      ...['--api-version', '1', '--cid', id, '--cuuid', unique, '--name', name],
      ...['--runtime', runtime, ...words.map((argument) => `--runtime-arg=${argument}`)],
      ...['--bundle', directory, '--full-attach', '--container-pidfile', join(directory, CONTAINER_PID)],
      ...['--exit-dir', exits, '--log-level', 'error', '--no-sync-log'],
    ];
  }

  /** What touches cgroups, and what does not and is spared the wrapper. */
  #run(args: readonly string[]) {
    const [path = '', ...words] = [...this.#runtime.wrapper, this.#sealed.path(), '--root', this.#root, ...args];
    return run(path, words);
  }

  #runBare(args: readonly string[]) {
    return run(this.#sealed.path(), ['--root', this.#root, ...args]);
  }

  #cgroupOf(id: string, directory: string | undefined): string | undefined {
    const known = this.#cgroups.get(id);
    return known ?? (directory === undefined ? undefined : readBundle(directory)?.linux.cgroupsPath);
  }

  async #removeRemains(id: string, cgroup: string): Promise<boolean> {
    const { cgroups } = await readHost();
    return removeRemains(join(this.#root, id), cgroup, cgroups);
  }

  async #command(command: string, ...args: string[]): Promise<void> {
    const { exitCode, stderr } = await this.#run([command, ...args]);
    if (exitCode !== 0) throw this.#failure(command, stderr);
  }

  #failure(command: string, stderr: string): PontoonError {
    return new PontoonError('program', `${this.name} ${command} failed: ${stderr.trim()}`, { subject: this.name });
  }
}

/** Begins while something is in the making; where it cannot begin, nothing is at work any more when that is told. */
async function besides<T>(making: unknown, begin: () => T): Promise<T> {
  try {
    return begin();
  } catch (error) {
    await Promise.allSettled([making]);
    throw error;
  }
}

function logArguments({ logPath, logSizeBytes }: LaunchOptions): string[] {
  if (logPath === undefined) return ['--log-path', 'none'];
  return ['--log-path', `k8s-file:${logPath}`, ...(logSizeBytes ? ['--log-size-max', String(logSizeBytes)] : [])];
}

async function exitOf(conmon: Conmon): Promise<number | undefined> {
  try {
    return (await conmon.report()).data;
  } catch (error) {
    if (PontoonError.is(error, 'program')) return undefined;
    throw error;
  } finally {
    conmon[Symbol.dispose]();
  }
}
