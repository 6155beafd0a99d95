/**
 * @module Instructions of a Dockerfile that change an image's configuration: `docker import --change`.
 * @see moby builder/dockerfile, dispatchers
 */

import { PontoonError } from '../../errors.ts';

/** Docker's names of a configuration's fields. */
interface Configuration {
  Cmd?: string[];
  Entrypoint?: string[];
  Env?: string[];
  ExposedPorts?: Record<string, object>;
  Labels?: Record<string, string>;
  User?: string;
  Volumes?: Record<string, object>;
  WorkingDir?: string;
  StopSignal?: string;
  Shell?: string[];
}

/** The configuration that these instructions make, such as 'CMD ["sh"]' or 'ENV A=b'. @throws PontoonError bad-value */
export function applyChanges(changes: readonly string[]): Configuration {
  const config: Configuration = {};
  for (const change of changes) {
    const [, instruction = '', rest = ''] = /^\s*(\w+)\s*(.*)$/s.exec(change) ?? [];
    const apply = INSTRUCTIONS[instruction.toUpperCase()];
    if (apply === undefined || rest.trim() === '') {
      const known = Object.keys(INSTRUCTIONS).join(', ');
      throw new PontoonError('bad-value', `"${change}" is not a valid change command: it takes ${known}`, {
        subject: change,
      });
    }
    apply(config, rest.trim());
  }
  return config;
}

const INSTRUCTIONS: Readonly<Record<string, (config: Configuration, rest: string) => void>> = {
  CMD: (config, rest) => {
    config.Cmd = commandOf(rest, config.Shell);
  },
  ENTRYPOINT: (config, rest) => {
    config.Entrypoint = commandOf(rest, config.Shell);
  },
  ENV: (config, rest) => {
    for (const [name, value] of pairsOf(rest)) {
      config.Env = [...(config.Env ?? []).filter((entry) => !entry.startsWith(`${name}=`)), `${name}=${value}`];
    }
  },
  EXPOSE: (config, rest) => {
    const ports = wordsOf(rest).map((port) => [port.includes('/') ? port : `${port}/tcp`, {}] as const);
    config.ExposedPorts = { ...config.ExposedPorts, ...Object.fromEntries(ports) };
  },
  LABEL: (config, rest) => {
    config.Labels = { ...config.Labels, ...Object.fromEntries(pairsOf(rest)) };
  },
  USER: (config, rest) => {
    config.User = rest;
  },
  VOLUME: (config, rest) => {
    const paths = listOf(rest) ?? wordsOf(rest);
    config.Volumes = { ...config.Volumes, ...Object.fromEntries(paths.map((path) => [path, {}])) };
  },
  WORKDIR: (config, rest) => {
    config.WorkingDir = rest;
  },
  STOPSIGNAL: (config, rest) => {
    config.StopSignal = rest;
  },
  SHELL: (config, rest) => {
    config.Shell = listOf(rest) ?? [];
  },
};

/** A JSON list is the command itself; anything else is a line for the shell. */
function commandOf(text: string, shell: readonly string[] = ['/bin/sh', '-c']): string[] {
  return listOf(text) ?? [...shell, text];
}

function listOf(text: string): string[] | undefined {
  if (!text.startsWith('[')) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every((item) => typeof item === 'string') ? value : undefined;
  } catch {
    return undefined; // as Docker: what is no list is a line for the shell
  }
}

/** 'A=b C="d e"', or the old form 'A the rest'. */
function pairsOf(text: string): [string, string][] {
  const words = wordsOf(text);
  if (!words[0]?.includes('=')) {
    const [, name = '', value = ''] = /^(\S+)\s*(.*)$/s.exec(text) ?? [];
    return [[name, value]];
  }
  return words.map((word) => {
    const at = word.indexOf('=');
    return at < 0 ? [word, ''] : [word.slice(0, at), word.slice(at + 1)];
  });
}

/** Words as a shell takes them: quotes hold them together, a backslash takes the next character as it is. */
function wordsOf(text: string): string[] {
  const words = text.match(/(?:\\.|"(?:\\.|[^"\\])*"|'[^']*'|[^\s"'\\])+/gs) ?? [];
  return words.map((word) =>
    word.replace(
      /\\(.)|"((?:\\.|[^"\\])*)"|'([^']*)'/gs,
      (_, one?: string, double?: string, single?: string) => one ?? double?.replace(/\\(.)/gs, '$1') ?? single ?? '',
    ),
  );
}
