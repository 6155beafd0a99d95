/**
 * @module The command `pontoon`: it knows the names of all commands, and loads the one that is asked for.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { COMMANDS, type Entry, isGroup, type Leaf } from './commands.ts';
import { describeMisuse } from './failure.ts';
import { expandFlags } from './options.ts';
import { GLOBAL_OPTIONS } from './session.ts';

/** Throws CommanderError instead of ending the process; its messages are one line. It has the names of commands only. */
export function createProgram(): Command {
  const program = new Command('pontoon')
    .description('A container engine: containers, the networks that join them, and their ports on the host.')
    .version(readVersion(), '-v, --version')
    .configureHelp({ showGlobalOptions: false, subcommandTerm: (command) => command.name() })
    .configureOutput({ outputError: (complaint, write) => write(`${describeMisuse(complaint)}\n`) })
    .enablePositionalOptions()
    .exitOverride();
  for (const option of GLOBAL_OPTIONS) program.addOption(option);
  // Whoever looks for the directory asks the variable, which says the same.
  program.on('option:config', (directory: string) => {
    process.env.DOCKER_CONFIG = directory;
  });
  addEntries(program, COMMANDS);
  return program.addHelpText(
    'after',
    `
Exit status: 0 when done, 1 when it failed, 125 when a flag makes no sense or a container could not be run,
126 and 127 when its command cannot be run or is not there, else the status of the container's process.

Example:
  pontoon run -d --name web -p 8080:80 pontoon/busybox httpd -f -h /etc
  pontoon ps`,
  );
}

/** Runs what the arguments ask for. @throws CommanderError, and what the command throws */
export async function runProgram(args: readonly string[]): Promise<void> {
  const program = createProgram();
  const words = args[0] === 'help' ? [...args.slice(1), '--help'] : args;
  const { command, entry, at } = await findCommand(program, words);
  const before = expandFlags(program, words.slice(0, at), true);
  const own = expandFlags(command, words.slice(at), entry?.passesThrough);
  await program.parseAsync([...before, ...own], { from: 'user' });
}

/** Gives every command its flags. */
export async function defineAll(program: Command, entries: readonly Entry[] = COMMANDS): Promise<void> {
  for (const entry of entries) {
    const command = program.commands.find((known) => known.name() === entry.name)!;
    if (!isGroup(entry)) await define(command, entry);
    else {
      addEntries(command, entry.entries);
      await defineAll(command, entry.entries);
    }
  }
}

/** Adds the names below a command; those below groups come when a group is asked for. */
function addEntries(parent: Command, entries: readonly Entry[]): void {
  for (const { name, summary, aliases = [], opens } of entries) {
    if (opens !== undefined) parent.commandsGroup(opens);
    parent.command(name).description(summary).aliases(aliases);
  }
}

async function define(command: Command, entry: Leaf): Promise<void> {
  command.passThroughOptions(entry.passesThrough === true);
  (await entry.load())(command);
  const words = `${command.parent?.parent ? `${command.parent.name()} ` : ''}${command.name()}`;
  command.addHelpText('after', `\nExample:\n  pontoon ${words} ${entry.example}`.trimEnd());
}

interface Found {
  readonly command: Command;
  /** undefined for a group, and for words that name nothing. */
  readonly entry: Leaf | undefined;
  readonly at: number;
}

/** The command that the first words name, with its flags, and where its own arguments begin; or how far they lead. */
export async function findCommand(program: Command, args: readonly string[]): Promise<Found> {
  let command = program;
  let entries: readonly Entry[] = COMMANDS;
  for (let at = 0; at < args.length; at++) {
    const word = args[at]!;
    if (word.startsWith('-')) {
      const option = command.options.find(({ short, long }) => word === short || word === long);
      if (option?.required) at++;
      continue;
    }
    const entry = entries.find(({ name, aliases }) => name === word || aliases?.includes(word));
    if (entry === undefined) break;
    command = command.commands.find((known) => known.name() === entry.name)!;
    if (!isGroup(entry)) {
      await define(command, entry);
      return { command, entry, at: at + 1 };
    }
    entries = entry.entries;
    addEntries(command.enablePositionalOptions(), entries);
  }
  return { command, entry: undefined, at: args.length };
}

export function readVersion(): string {
  const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')) as {
    version: string;
  };
  return version;
}
