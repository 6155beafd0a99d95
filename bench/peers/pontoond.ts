/**
 * @module Pontoon's own daemon in a host of its own, as dockerd.ts has Docker's.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { EngineSocket } from '../lib/engine-socket.ts';
import { LAY_OUT_HOST, WORK } from '../lib/world.ts';

const START = `
  ${LAY_OUT_HOST}
  exec bin/pontoon daemon "$@"`;
const PATIENCE_MS = 30_000;

export class Pontoond implements AsyncDisposable {
  readonly socket: EngineSocket;
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess, socket: EngineSocket) {
    this.#process = process;
    this.socket = socket;
  }

  /** @throws Error with the end of its log when it does not answer */
  static async start(name: string): Promise<Pontoond> {
    const directory = join(WORK, name);
    mkdirSync(directory, { recursive: true });
    const path = (file: string): string => join(directory, file);
    const log = openSync(path('log'), 'a');
    const flags = [
      `--host=unix://${path('socket')}`,
      `--data-root=${path('data')}`,
      `--exec-root=${path('exec')}`,
      `--pidfile=${path('pid')}`,
    ];
    const namespaces = ['--net', '--mount', '--propagation', 'private'];
    const child = spawn('unshare', [...namespaces, 'sh', '-ec', START, directory, ...flags], {
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    const daemon = new Pontoond(child, new EngineSocket(path('socket')));
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      try {
        await daemon.socket.call('GET', '/_ping');
        return daemon;
      } catch (cause) {
        if (child.exitCode === null && performance.now() < deadline) {
          await setTimeout(50);
          continue;
        }
        await daemon[Symbol.asyncDispose]();
        throw new Error(`pontoon daemon does not answer: ${readFileSync(path('log'), 'utf8').slice(-1000)}`, { cause });
      }
    }
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** The path of its network namespace: its host. */
  get namespace(): string {
    return `/proc/${this.#process.pid}/ns/net`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    this.#process.kill('SIGTERM');
    await once(this.#process, 'exit');
  }
}
