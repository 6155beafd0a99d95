/**
 * @module What every step of the demo plays on: the world, the engine, and the narrator. Its verbs do something for
 * real and show it as it is typed.
 */

import type { Engine } from '../../network/engine.ts';
import type { Sandbox } from '../../network/types.ts';
import type { Inventory } from './inventory.ts';
import type { Narrator } from './narrator.ts';
import type { Catalogue } from './text.en.ts';
import type { Fetched, Place, RunResult, World } from './world.ts';

export interface StageParts {
  readonly world: World;
  readonly engine: Engine;
  readonly narrator: Narrator;
  readonly text: Catalogue;
  /** What was there before the first step. */
  readonly before: Inventory;
}

export class Stage {
  readonly world: World;
  readonly engine: Engine;
  readonly text: Catalogue;
  readonly before: Inventory;
  readonly #narrator: Narrator;

  constructor({ world, engine, narrator, text, before }: StageParts) {
    this.world = world;
    this.engine = engine;
    this.text = text;
    this.before = before;
    this.#narrator = narrator;
  }

  sandbox(name: string): Sandbox {
    return this.engine.inspectSandbox(name);
  }

  /** The names of both ends of a sandbox's first veth pair. */
  interfaces(name: string): { inside: string; outside: string } {
    const { interfaceName, hostInterface } = this.sandbox(name).endpoints[0] ?? {};
    if (interfaceName === undefined || hostInterface === undefined) throw new Error(`${name} has no veth pair`);
    return { inside: interfaceName, outside: hostInterface };
  }

  /** Runs a command (words between single spaces) on 'host', 'lan' or in a sandbox, and shows it with what it wrote. */
  async show(where: string, command: string): Promise<RunResult> {
    this.#narrator.command(where, command);
    const result = await this.world.run(this.#place(where), command.split(' '));
    this.#narrator.output(result.stdout + result.stderr);
    return result;
  }

  /** Asks a web server with curl and shows what it said. */
  async curl(where: string, url: string): Promise<Fetched> {
    this.#narrator.command(where, `curl ${url}`);
    const fetched = await this.world.fetch(this.#place(where), url);
    this.#narrator.output(fetched.error ?? fetched.body);
    return fetched;
  }

  /** Pings once and shows the answer, or what came instead of it. */
  async ping(where: string, target: string): Promise<boolean> {
    const command = `ping -4 -c 1 -W 1 ${target}`;
    this.#narrator.command(where, command);
    const { status, stdout, stderr } = await this.world.run(this.#place(where), command.split(' '));
    const answer = (stdout + stderr).split('\n').filter((line) => /^\d+ bytes from|packet loss|^ping:/.test(line));
    this.#narrator.output(answer.join('\n'));
    return status === 0;
  }

  /** Shows a command of another tool that does the same as what the engine is asked to do next. */
  sameAs(command: string): void {
    this.#narrator.sameAs(command);
  }

  /** Shows a command of Pontoon for what the engine is asked to do next. */
  pontoon(command: string): void {
    this.#narrator.command('host', `pontoon ${command}`);
  }

  output(lines: readonly string[]): void {
    this.#narrator.output(lines.join('\n'));
  }

  /** Waits for what may be refused, and shows with which words it was. */
  async refused(operation: Promise<unknown>): Promise<Error | undefined> {
    try {
      await operation;
      return undefined;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      this.#narrator.output(error.message);
      return error;
    }
  }

  /** Says what the next commands are for. */
  note(text: string): void {
    this.#narrator.note(text);
  }

  check(what: string, ok: boolean): void {
    this.#narrator.check(what, ok);
  }

  #place(where: string): Place {
    if (where === 'host') return 'host';
    return where === 'lan' ? this.world.lan : this.sandbox(where);
  }
}
