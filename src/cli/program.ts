/**
 * @module The command `pontoon`: its subcommands and what they have in common.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { addDemoCommand } from './demo/command.ts';
import { addEndpointCommands } from './endpoint-commands.ts';
import { addEngineCommands } from './engine-commands.ts';
import { describeMisuse } from './failure.ts';
import { addNetworkCommands } from './network-commands.ts';
import { addSandboxCommands } from './sandbox-commands.ts';
import { GLOBAL_OPTIONS, globalFlags } from './session.ts';

/** Throws CommanderError instead of ending the process; its messages are one line. */
export function createProgram(): Command {
  const program = new Command('pontoon')
    .description('A container network engine: it joins network namespaces by bridges, and publishes their ports.')
    .version(readVersion(), '-v, --version')
    .configureHelp({ showGlobalOptions: true, subcommandTerm: (command) => command.name() })
    .configureOutput({
      outputError: (complaint, write) =>
        write(`${describeMisuse(complaint, globalFlags(program).format === 'json')}\n`),
    })
    .exitOverride();
  for (const option of GLOBAL_OPTIONS) program.addOption(option);
  addNetworkCommands(program);
  addEndpointCommands(program);
  addSandboxCommands(program);
  addEngineCommands(program);
  addDemoCommand(program);
  return program.addHelpText(
    'after',
    `
Exit status: 0 when done, 1 when it failed, 2 when what was asked for makes no sense.

Example:
  pontoon network create front
  pontoon attach front --netns /run/netns/web -p 8080:80`,
  );
}

function readVersion(): string {
  const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')) as {
    version: string;
  };
  return version;
}
