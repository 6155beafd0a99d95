/**
 * @module A Docker daemon in a host of its own, and its HTTP API over its socket.
 *
 * The daemon gets its own network and mount namespaces and a root in memory; its image holds one static program. It is
 * driven by the API and not by the docker command, so that only the daemon's work is measured.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { compile } from '../lib/compile.ts';
import { EngineSocket } from '../lib/engine-socket.ts';
import { run } from '../lib/exec.ts';
import { cgroupParent, LAY_OUT_HOST, WORK } from '../lib/world.ts';

const START = `
  ${LAY_OUT_HOST}
  exec dockerd "$@"`;

const PATIENCE_MS = 30_000;

/** What the bench reads of `GET /containers/ID/json`. */
interface Inspection {
  readonly State: { readonly Pid: number };
  readonly NetworkSettings: { readonly Networks: Readonly<Record<string, { readonly IPAddress: string }>> };
}

export interface ContainerSpec {
  readonly name: string;
  /** Default: docker0. */
  readonly network?: string;
  /** Host ports that lead to port 80. */
  readonly hostPorts?: readonly number[];
}

export interface Container {
  readonly id: string;
  readonly address: string;
  /** The path of its network namespace. */
  readonly namespace: string;
}

export class Dockerd implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #directory: string;
  readonly #socket: EngineSocket;

  private constructor(process: ChildProcess, directory: string) {
    this.#process = process;
    this.#directory = directory;
    this.#socket = new EngineSocket(join(directory, 'socket'));
  }

  /** Starts a daemon named `name`; `flags` go to dockerd. @throws Error with the end of its log when it does not answer */
  static async start(name: string, ...flags: string[]): Promise<Dockerd> {
    const directory = join(WORK, name);
    mkdirSync(directory, { recursive: true });
    const path = (file: string): string => join(directory, file);
    const log = openSync(path('log'), 'a');
    const own = [
      `--host=unix://${path('socket')}`,
      `--data-root=${path('data')}`,
      `--exec-root=${path('exec')}`,
      `--pidfile=${path('pid')}`,
      `--config-file=${path('daemon.json')}`,
      `--cgroup-parent=${cgroupParent()}`,
      '--exec-opt=native.cgroupdriver=cgroupfs',
      '--oom-score-adjust=0',
      '--storage-driver=overlay2',
    ];
    await run('sh', ['-c', 'echo {} >"$0"', path('daemon.json')]);
    const namespaces = ['--net', '--mount', '--propagation', 'private'];
    const child = spawn('unshare', [...namespaces, 'sh', '-ec', START, directory, ...own, ...flags], {
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    const daemon = new Dockerd(child, directory);
    try {
      await daemon.#answers();
      await daemon.#loadImage();
    } catch (cause) {
      await daemon[Symbol.asyncDispose]();
      throw cause;
    }
    return daemon;
  }

  /** The path of the daemon's network namespace: its host. */
  get namespace(): string {
    return `/proc/${this.#process.pid}/ns/net`;
  }

  /** Its socket. */
  get socket(): EngineSocket {
    return this.#socket;
  }

  /** One call of the API. @throws Error with the daemon's own message for a status of 400 or more */
  call<Result = unknown>(method: string, path: string, body?: unknown): Promise<Result> {
    return this.#socket.call(method, path, body);
  }

  async createContainer(spec: ContainerSpec): Promise<string> {
    const bindings = spec.hostPorts?.map((port) => ({ HostPort: String(port) }));
    const { Id } = await this.call<{ Id: string }>('POST', `/containers/create?name=${spec.name}`, {
      Image: 'pause',
      Cmd: ['/pause'],
      ...(bindings && { ExposedPorts: { '80/tcp': {} } }),
      HostConfig: { NetworkMode: spec.network ?? 'bridge', ...(bindings && { PortBindings: { '80/tcp': bindings } }) },
    });
    return Id;
  }

  start(id: string): Promise<unknown> {
    return this.call('POST', `/containers/${id}/start`);
  }

  remove(id: string): Promise<unknown> {
    return this.call('DELETE', `/containers/${id}?force=1`);
  }

  /** Creates and starts a container. */
  async runContainer(spec: ContainerSpec): Promise<Container> {
    const id = await this.createContainer(spec);
    await this.start(id);
    const { State, NetworkSettings } = await this.call<Inspection>('GET', `/containers/${id}/json`);
    const address = NetworkSettings.Networks[spec.network ?? 'bridge']?.IPAddress;
    if (!address) throw new Error(`dockerd: container ${spec.name} has no address`);
    return { id, address, namespace: `/proc/${State.Pid}/ns/net` };
  }

  async createNetwork(name: string): Promise<string> {
    const created = await this.call<{ Id: string }>('POST', '/networks/create', { Name: name, CheckDuplicate: true });
    return created.Id;
  }

  removeNetwork(id: string): Promise<unknown> {
    return this.call('DELETE', `/networks/${id}`);
  }

  /** Ends the daemon in order, with its containers. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy();
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const ended = new Promise((resolve) => this.#process.once('close', resolve));
      this.#process.kill('SIGTERM');
      await ended;
    }
    rmSync(join(this.#directory, 'socket'), { force: true });
  }

  async #answers(): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      try {
        await this.call('GET', '/_ping');
        return;
      } catch (cause) {
        if (this.#process.exitCode !== null || performance.now() > deadline) {
          const log = readFileSync(join(this.#directory, 'log'), 'utf8').trim().split('\n').slice(-8).join('\n  ');
          throw new Error(`dockerd does not answer; the end of its log:\n  ${log}`, { cause });
        }
      }
      await setTimeout(50);
    }
  }

  /** An image of one static program, from a tar archive: no registry is asked. */
  async #loadImage(): Promise<void> {
    const program = await compile('peers/pause.c', '-static');
    const archive = join(this.#directory, 'image.tar');
    await run('tar', ['-C', dirname(program), '-cf', archive, basename(program)]);
    await this.call('POST', '/images/create?fromSrc=-&repo=pause&tag=latest', readFileSync(archive));
  }
}
