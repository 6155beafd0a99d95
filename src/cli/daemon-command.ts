/**
 * @module `pontoon daemon`: serves the Engine API, with dockerd's flags.
 */

import { type Command, Option } from 'commander';
import { FLAGS, type Flag } from '../daemon/flags.ts';
import type { GivenFlag } from '../daemon/settings.ts';
import { readVersion } from './program.ts';

export function defineDaemon(command: Command): void {
  for (const flag of FLAGS) for (const option of optionsOf(flag)) command.addOption(option);
  command.action(async (given: Record<string, unknown>) => {
    const { runDaemon, validate } = await import('../daemon/daemon.ts');
    const options = { flags: givenFlags(given), version: readVersion() };
    if (options.flags.get('validate') === true) {
      for (const note of validate(options)) process.stderr.write(`pontoon: ${note}\n`);
      process.stdout.write('configuration OK\n');
      return;
    }
    await runDaemon(options);
  });
}

/** Switches can be turned off, too: --icc=false. */
function optionsOf({ name, short, kind, meaning }: Flag): Option[] {
  const flags = short === undefined ? `--${name}` : `-${short}, --${name}`;
  const help = meaning ?? 'accepted, without effect';
  const hide = meaning === undefined;
  if (kind === 'switch') {
    return name.startsWith('no-')
      ? [new Option(flags, help).hideHelp(hide)]
      : [new Option(flags, help).hideHelp(hide), new Option(`--no-${name}`).hideHelp()];
  }
  return [new Option(`${flags} <value>`, help).hideHelp(hide).argParser(collect)];
}

/** Commander has true for what begins with --no- until it is given. */
function collect(text: string, before: readonly string[] | true | undefined): readonly string[] {
  return Array.isArray(before) ? [...before, text] : [text];
}

function givenFlags(given: Record<string, unknown>): Map<string, GivenFlag> {
  const flags = new Map<string, GivenFlag>();
  for (const flag of FLAGS) {
    const [option] = optionsOf(flag);
    const value = given[option!.attributeName()];
    // --no-new-privileges is a name, not the opposite of one.
    const isGiven = option!.negate ? value !== true : value !== undefined;
    if (isGiven) flags.set(flag.name, option!.negate && value === false ? true : (value as GivenFlag));
  }
  return flags;
}
