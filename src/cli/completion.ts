/**
 * @module `pontoon completion bash|zsh|fish`: a small script that asks `pontoon completion words` for what may come next,
 * so that there is one place that knows: the table of commands. Names come from the daemon while it answers.
 */

import type { Command, Option } from 'commander';
import { PontoonError } from '../errors.ts';
import { ApiClient, type Query } from './api/client.ts';
import { findHost } from './api/host.ts';
import { httpTransport } from './api/http.ts';

/** `words` gets the words so far, of which the last may be unfinished, and prints one candidate a line. */
const SCRIPTS: Readonly<Record<string, string>> = {
  bash: `_pontoon() {
  local IFS=$'\\n' line=\${COMP_LINE:0:COMP_POINT}
  local IFS=$' \\t\\n' words
  read -ra words <<<"$line"
  [[ $line == *' ' ]] && words+=('')
  local IFS=$'\\n'
  COMPREPLY=($(pontoon completion words -- "\${words[@]:1}" 2>/dev/null))
  [[ \${#COMPREPLY[@]} -eq 0 ]] && compopt -o default
}
complete -F _pontoon pontoon
`,
  zsh: `#compdef pontoon
_pontoon() {
  local -a found
  found=("\${(@f)$(pontoon completion words -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n \${found[1]} ]]; then compadd -- $found; else _files; fi
}
compdef _pontoon pontoon
`,
  fish: `function __pontoon_complete
  set -l words (commandline -opc) (commandline -ct)
  pontoon completion words -- $words[2..-1] 2>/dev/null
end
complete -c pontoon -a '(__pontoon_complete)'
`,
};

export function defineCompletion(command: Command): void {
  command
    .argument('<shell>', 'bash, zsh or fish')
    .argument('[words...]')
    .action(async (shell: string, words: string[]) => {
      if (shell === 'words') {
        const found = await candidates(words);
        process.stdout.write(found.map((candidate) => `${candidate}\n`).join(''));
        return;
      }
      const script = SCRIPTS[shell];
      if (script === undefined) {
        const known = Object.keys(SCRIPTS).join(', ');
        throw new PontoonError('bad-value', `there is no completion for '${shell}': choose ${known}`, {
          subject: shell,
        });
      }
      process.stdout.write(script);
    });
}

/** What may stand where the last word is. */
async function candidates(words: readonly string[]): Promise<string[]> {
  const { createProgram, findCommand } = await import('./program.ts');
  const before = words.slice(0, -1);
  const last = words.at(-1) ?? '';
  const { command, at } = await findCommand(createProgram(), before);
  const { awaits, operands } = readArguments(command, before.slice(at));
  const all = awaits === undefined ? await wordsOf(command, last, operands) : await valuesOf(awaits);
  return all.filter((candidate) => candidate.startsWith(last)).toSorted();
}

/** The option that waits for a value, and how many operands were given. */
function readArguments(command: Command, words: readonly string[]): { awaits: Option | undefined; operands: number } {
  let awaits: Option | undefined;
  let operands = 0;
  for (const word of words) {
    if (awaits !== undefined) awaits = undefined;
    else if (word.startsWith('-')) awaits = valuedOption(command, word);
    else operands++;
  }
  return { awaits, operands };
}

/** Of short ones in a bunch (-itp) the last takes the next word. */
function valuedOption(command: Command, word: string): Option | undefined {
  const name = word.startsWith('--') ? word : `-${word.at(-1)}`;
  return command.options.find(({ short, long, required }) => required && (name === short || name === long));
}

async function wordsOf(command: Command, last: string, operands: number): Promise<string[]> {
  if (last.startsWith('-')) {
    return command.options
      .filter(({ hidden }) => !hidden)
      .flatMap(({ long }) => long ?? [])
      .concat('--help');
  }
  if (command.commands.length > 0) return command.commands.map((below) => below.name());
  const { registeredArguments } = command;
  const argument = registeredArguments[operands] ?? registeredArguments.at(-1);
  return argument === undefined || (operands >= registeredArguments.length && !argument.variadic)
    ? []
    : namesFor(argument.name(), command);
}

function valuesOf(option: Option): Promise<string[]> | string[] {
  if (option.argChoices) return option.argChoices;
  const [, placeholder = ''] = /<([^>]+)>/.exec(option.flags) ?? [];
  return placeholder === 'network' ? namesOf('/networks', 'Name') : [];
}

/** By the name of an argument in the table: 'container', 'image', … */
async function namesFor(argument: string, command: Command): Promise<string[]> {
  switch (argument) {
    case 'container':
      return containerNames();
    case 'image':
    case 'repository':
      return imageNames();
    case 'network':
      return namesOf('/networks', 'Name');
    case 'volume':
      return namesOf('/volumes', 'Name', 'Volumes');
    case 'sandbox':
      return namesOf('/pontoon/sandboxes', 'name');
    case 'shell':
      return Object.keys(SCRIPTS);
    case 'name': {
      const group = command.parent?.name();
      if (group === 'image') return imageNames();
      if (group === 'network') return command.name() === 'create' ? [] : namesOf('/networks', 'Name');
      if (group === 'volume') return command.name() === 'create' ? [] : namesOf('/volumes', 'Name', 'Volumes');
      return ['inspect', 'publish', 'unpublish'].includes(command.name()) ? containerNames() : [];
    }
    default:
      return [];
  }
}

async function containerNames(): Promise<string[]> {
  const containers = await ask<{ Names: string[] }[]>('/containers/json', { all: true });
  return (containers ?? []).flatMap(({ Names }) => Names.map((name) => name.replace(/^\//, '')));
}

async function imageNames(): Promise<string[]> {
  const images = await ask<{ RepoTags: string[] | null }[]>('/images/json');
  return (images ?? []).flatMap(({ RepoTags }) => RepoTags ?? []);
}

async function namesOf(path: string, key: string, list?: string): Promise<string[]> {
  const answer = await ask<Record<string, string>[] | Record<string, Record<string, string>[]>>(path);
  const things = Array.isArray(answer) ? answer : (answer?.[list ?? ''] ?? []);
  return things.map((thing) => thing[key]!);
}

/** undefined without a daemon: a completion has nobody to complain to. */
async function ask<T>(path: string, query: Query = {}): Promise<T | undefined> {
  await using api = new ApiClient(httpTransport(findHost({})));
  return await api.get<T>(path, query).catch(() => undefined);
}
