/**
 * @module A daemon for tests, in the world of the test: bin/pontoon with directories of its own, what it is asked over
 * its socket, and the docker command line on it. Each answer is checked against the published description, where one
 * of its version is at hand.
 */

import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import { type IncomingHttpHeaders, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { EngineApiDescription, missingDescription } from './openapi.ts';

export const PONTOON = join(import.meta.dirname, '../../bin/pontoon');

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The body as JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look at what they expect
  readonly json: any;
}

export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CallOptions {
  /** Sent as JSON, unless it is a text. */
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  /** Default: 1.48. Empty: no prefix. */
  readonly version?: string;
}

const descriptions = new Map<string, EngineApiDescription>();

export class TestDaemon implements AsyncDisposable {
  readonly directory: string;
  readonly socketPath: string;
  readonly process: ChildProcess;
  #log = '';

  private constructor(directory: string, socketPath: string, child: ChildProcess) {
    this.directory = directory;
    this.socketPath = socketPath;
    this.process = child;
    child.stderr!.setEncoding('utf8').on('data', (data: string) => {
      this.#log += data;
    });
  }

  /** Starts one and waits until it serves. The same directory is the same state. */
  static async start(flags: readonly string[] = [], directory = newDirectory()): Promise<TestDaemon> {
    const socketPath = join(directory, 'api.sock');
    const child = spawnDaemon([...rootFlags(directory), '--host', `unix://${socketPath}`, ...flags]);
    const daemon = new TestDaemon(directory, socketPath, child);
    while (!daemon.log.includes('"the API is served"')) {
      if (child.exitCode !== null) throw new Error(`the daemon ended: ${daemon.log}`);
      await sleep(20);
    }
    return daemon;
  }

  /** What it wrote on standard error. */
  get log(): string {
    return this.#log;
  }

  /** Asks, and checks the answer against the description. */
  async call(
    method: string,
    path: string,
    { body, headers = {}, version = '1.48' }: CallOptions = {},
  ): Promise<Answer> {
    const isText = typeof body === 'string' || body === undefined;
    const sent = request({
      socketPath: this.socketPath,
      method,
      path: version === '' ? path : `/v${version}${path}`,
      headers: { ...(isText ? {} : { 'content-type': 'application/json' }), ...headers },
      agent: false,
    });
    sent.end(isText ? body : JSON.stringify(body));
    const [response] = await once(sent, 'response');
    const answer = await text(response);
    const { statusCode: status } = response;
    if (!path.startsWith('/pontoon/')) {
      assert.deepEqual(describe(version)?.complaints(method, path, status, answer) ?? [], []);
    }
    const isJson = response.headers['content-type'] === 'application/json' && answer !== '' && !answer.includes('}\n{');
    return { status, headers: response.headers, text: answer, json: isJson ? JSON.parse(answer) : undefined };
  }

  /** As `call`, for what must succeed: the JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look at what they expect
  async get(path: string, options?: CallOptions): Promise<any> {
    const { status, text: body, json } = await this.call('GET', path, options);
    assert.equal(status, 200, body);
    return json;
  }

  /** A connection on which the test speaks for itself. */
  connect(): Socket {
    return connect({ path: this.socketPath, allowHalfOpen: true });
  }

  /** The docker command line on this daemon. */
  docker(...args: string[]): Promise<Outcome> {
    return run('docker', args, { DOCKER_HOST: `unix://${this.socketPath}` });
  }

  /** Ends it; how it ended. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | NodeJS.Signals> {
    const { exitCode, signalCode } = this.process;
    if (exitCode !== null || signalCode !== null) return signalCode ?? exitCode!;
    const exited = once(this.process, 'exit');
    this.process.kill(signal);
    const [code, killedBy] = await exited;
    return killedBy ?? code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

export function newDirectory(): string {
  return mkdtempSync(join(tmpdir(), 'daemon-'));
}

/** State that is nobody else's. */
export function rootFlags(directory: string): string[] {
  return [
    ...['--data-root', join(directory, 'data'), '--exec-root', join(directory, 'run')],
    ...['--pidfile', join(directory, 'pid')],
  ];
}

export function spawnDaemon(args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  return spawn(PONTOON, ['daemon', ...args], {
    stdio: ['ignore', 'inherit', 'pipe'],
    env: { ...process.env, ...env },
  });
}

export function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  execFile(command, args, { env: { ...process.env, ...env } }, (error, stdout, stderr) => {
    const status = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
    resolve({ status, stdout, stderr });
  });
  return promise;
}

/** Why a test that runs a program cannot; false where it can. */
export function missingProgram(name: string): string | false {
  const found = (process.env.PATH ?? '').split(':').some((directory) => {
    try {
      return readFileSync(join(directory, name)).length > 0;
    } catch {
      return false;
    }
  });
  return found ? false : `needs ${name}`;
}

function describe(version: string): EngineApiDescription | undefined {
  if (missingDescription(version) !== false) return undefined;
  const known = descriptions.get(version) ?? new EngineApiDescription(version);
  descriptions.set(version, known);
  return known;
}
