/**
 * @module What every step of the demo plays on: the world, the daemon in it, and the narrator. Its verbs run a command
 * for real and show it as it is typed.
 */

import { join } from 'node:path';
import type { Inventory } from './inventory.ts';
import type { Narrator } from './narrator.ts';
import type { Catalogue } from './text.en.ts';
import type { Fetched, RunResult, Started, World } from './world.ts';

/** Where `pontoon` is, in a checkout and in a package alike. */
const BIN = join(import.meta.dirname, '../../../bin');
/** Where the daemon listens unless it is told otherwise. */
const SOCKET = 'unix:///run/pontoon.sock';
const DAEMON = 'pontoon daemon --ipv6';

/** The parts of `docker inspect` that the steps look at. */
export interface Inspected {
  readonly NetworkSettings: {
    readonly SandboxKey: string;
    readonly Networks: Readonly<Record<string, { readonly IPAddress: string; readonly MacAddress: string }>>;
  };
}

export interface StageParts {
  readonly world: World;
  readonly narrator: Narrator;
  readonly text: Catalogue;
}

export class Stage {
  readonly world: World;
  readonly text: Catalogue;
  /** What is there before the first container; set when the daemon has started. */
  before: Inventory | undefined;
  readonly #narrator: Narrator;
  #daemon: Started | undefined;
  #docker = 'pontoon';

  constructor({ world, narrator, text }: StageParts) {
    this.world = world;
    this.text = text;
    this.#narrator = narrator;
    process.env.PATH = `${BIN}:${process.env.PATH}`;
    for (const name of Object.keys(process.env)) if (/^(DOCKER|PONTOON)_/.test(name)) delete process.env[name];
    process.env.DOCKER_HOST = SOCKET;
    process.env.PONTOON_DATA_ROOT = join(process.env.TMPDIR ?? '/run/tmp', 'pontoon');
  }

  /** Starts the daemon; resolves when it serves. */
  async startDaemon(): Promise<void> {
    this.#narrator.command('host', `${DAEMON} &`);
    this.#daemon = await this.world.start('host', ['sh', '-c', `exec ${DAEMON} 2>&1`], 'the API is served');
    const { stdout } = await this.world.run('host', [
      'sh',
      '-c',
      'docker version --format {{.Server.Platform.Name}}; :',
    ]);
    if (stdout.trim() === 'Pontoon') this.#docker = 'docker';
  }

  /** Ends the daemon without a chance to clean up. */
  async killDaemon(): Promise<void> {
    this.#narrator.command('host', 'kill -KILL %1');
    await this.#daemon?.kill();
  }

  /** Runs a shell command on 'host' or 'lan', and shows it with what it wrote. */
  async show(where: 'host' | 'lan', command: string): Promise<RunResult> {
    this.#narrator.command(where, command);
    const result = await this.#run(where, command);
    this.#narrator.output(result.stdout + result.stderr);
    return result;
  }

  /** Shows and runs a command of Pontoon. */
  pontoon(command: string): Promise<RunResult> {
    return this.show('host', `pontoon ${command}`);
  }

  /** The same by the docker command line, where it is installed; it has the same words. */
  docker(command: string): Promise<RunResult> {
    return this.show('host', `${this.#docker} ${command}`);
  }

  /** What a web server says to a container. */
  async get(container: string, url: string): Promise<string> {
    return (await this.pontoon(`exec ${container} wget -qO- ${url}`)).stdout.trimEnd();
  }

  /** Asks a web server with curl and shows what it said. */
  async curl(where: 'host' | 'lan', url: string): Promise<Fetched> {
    this.#narrator.command(where, `curl ${url}`);
    const fetched = await this.world.fetch(where === 'lan' ? this.world.lan : 'host', url);
    this.#narrator.output(fetched.error ?? fetched.body);
    return fetched;
  }

  /** Pings once from a container, and shows the answer, or what came instead of it. */
  async ping(container: string, target: string): Promise<boolean> {
    const command = `pontoon exec ${container} ping -4 -c 1 -W 1 ${target}`;
    this.#narrator.command('host', command);
    const { status, stdout, stderr } = await this.#run('host', command);
    const answer = (stdout + stderr).split('\n').filter((line) => /^\d+ bytes from|packet loss|^ping:/.test(line));
    this.#narrator.output(answer.join('\n'));
    return status === 0;
  }

  /** Asks why, shows the answer, and reads its cause and the commands that mend it. */
  async explain(question: string): Promise<{ cause: string | null; remedy: readonly string[] }> {
    await this.pontoon(`explain ${question}${this.text.explainFlags}`);
    return JSON.parse((await this.#run('host', `pontoon explain ${question} --format json`)).stdout);
  }

  /** What `pontoon inspect` says of a container, not shown. */
  async inspect(container: string): Promise<Inspected> {
    const { stdout, stderr } = await this.#run('host', `pontoon inspect ${container}`);
    const [inspected] = JSON.parse(stdout) as [Inspected?];
    if (inspected === undefined) throw new Error(stderr);
    return inspected;
  }

  /** A container's place in a network. */
  async endpoint(container: string, network = 'bridge'): Promise<{ address: string; mac: string }> {
    const { IPAddress: address = '', MacAddress: mac = '' } =
      (await this.inspect(container)).NetworkSettings.Networks[network] ?? {};
    return { address, mac };
  }

  /** The name of the host's end of the cable to eth0 in a container: it has the number after "eth0@if". */
  async port(container: string): Promise<string> {
    const inside = await this.#run('host', `pontoon exec ${container} ip -o link show eth0`);
    const [, index] = /eth0@if(\d+):/.exec(inside.stdout) ?? [];
    const { stdout } = await this.#run('host', 'ip -o link show');
    const [, name] = new RegExp(`^${index}: ([^@:]+)@`, 'm').exec(stdout) ?? [];
    if (name === undefined) throw new Error(`${container} has no veth pair`);
    return name;
  }

  output(lines: readonly string[]): void {
    this.#narrator.output(lines.join('\n'));
  }

  /** Says what the next commands are for. */
  note(text: string): void {
    this.#narrator.note(text);
  }

  check(what: string, ok: boolean): void {
    this.#narrator.check(what, ok);
  }

  #run(where: 'host' | 'lan', command: string): Promise<RunResult> {
    return this.world.run(where === 'lan' ? this.world.lan : 'host', ['sh', '-c', command]);
  }
}
