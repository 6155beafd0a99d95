/**
 * @module Flags as Go's pflag reads them, where commander differs: --init=false, --ipv4=true, and -p=80.
 */

import type { Command, Option } from 'commander';
import { parseBoolean } from '../text/booleans.ts';

/**
 * Writes --flag=true as --flag, --flag=false as --no-flag or nothing, and -p=80 as -p80, up to where the command's own
 * options end; with `passesThrough` that is the first operand. What is no Boolean stays, for commander to refuse.
 */
export function expandFlags(command: Command, args: readonly string[], passesThrough = false): string[] {
  const expanded: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const arg = args[at]!;
    if (arg === '--' || (passesThrough && !arg.startsWith('-'))) return [...expanded, ...args.slice(at)];
    const [, name, value = ''] = /^(--?[^=]+)=(.*)$/s.exec(arg) ?? [];
    const option = optionOf(command, name ?? arg);
    const said = name !== undefined && option !== undefined && isSwitch(option) ? parseBoolean(value) : undefined;
    if (option !== undefined && said !== undefined) {
      const negate = said === option.negate;
      const attribute = option.attributeName();
      const same = command.options.find((known) => known.attributeName() === attribute && known.negate === negate);
      if (same?.long) expanded.push(same.long);
      continue;
    }
    const isShort = name !== undefined && !name.startsWith('--') && option?.required && value !== '';
    expanded.push(isShort ? `${name}${value}` : arg);
    if (name === undefined && option?.required && at + 1 < args.length) expanded.push(args[++at]!);
  }
  return expanded;
}

function isSwitch({ required, optional }: Option): boolean {
  return !required && !optional;
}

/** The option that an argument names; in a bunch of short ones (-itp) the last, which may take the next argument. */
function optionOf(command: Command, name: string): Option | undefined {
  if (name.startsWith('--')) return command.options.find(({ long }) => long === name);
  const letters = [...name.slice(1)];
  for (const [index, letter] of letters.entries()) {
    const option = command.options.find(({ short }) => short === `-${letter}`);
    const isLast = index === letters.length - 1;
    // A value is written to its option: -p80.
    if (isLast || option === undefined || !isSwitch(option)) return isLast ? option : undefined;
  }
  return undefined;
}
