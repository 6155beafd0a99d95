/**
 * @module What the daemon is told: flags and daemon.json, by the file's keys. A setting may come from one of the two
 * only, as with dockerd; a key that nobody knows is a mistake.
 */

import { existsSync, readFileSync } from 'node:fs';
import { PontoonError } from '../errors.ts';
import { FILE_KEYS, FLAGS, type Flag, type Key } from './flags.ts';

export const DEFAULT_CONFIG_FILE = '/etc/pontoon/daemon.json';

/** Of a pool: the block, and the prefix length of the subnets cut from it. */
export interface Pool {
  readonly base: string;
  readonly size: number;
}

export type Setting =
  | string
  | boolean
  | number
  | readonly string[]
  | readonly Pool[]
  | Readonly<Record<string, unknown>>;

const KEYS: readonly Key[] = [...FLAGS, ...FILE_KEYS];

/** By key of daemon.json. */
export type Settings = ReadonlyMap<string, Setting>;

/** A flag as it was given: the texts that followed it, or whether it was on. */
export type GivenFlag = readonly string[] | boolean;

/**
 * What the flags and the file say together.
 * @throws PontoonError bad-value, naming the flag or key
 */
export function readSettings(given: ReadonlyMap<string, GivenFlag>): Settings {
  const flags = new Map<string, Setting>();
  for (const flag of FLAGS) {
    const value = given.get(flag.name);
    if (value !== undefined) flags.set(flag.key ?? flag.name, fromFlag(flag, value));
  }
  const path = flags.get('config-file') as string | undefined;
  const file = readFile(path ?? DEFAULT_CONFIG_FILE, path !== undefined);
  const twice = [...file.keys()].filter((key) => flags.has(key));
  if (twice.length > 0) {
    const list = twice.map((key) => `${key}: (from flag: ${show(flags.get(key))}, from file: ${show(file.get(key))})`);
    throw wrong(
      twice[0]!,
      `the following directives are specified both as a flag and in the configuration file: ${list.join(', ')}`,
    );
  }
  return new Map([...file, ...flags]);
}

/** The keys that are set and have no effect here, with the reason. */
export function withoutEffect(settings: Settings): { readonly key: string; readonly why: string }[] {
  return KEYS.filter(({ key, meaning }) => meaning === undefined && key !== undefined && settings.has(key)).map(
    ({ key, why }) => ({ key: key!, why: why ?? 'Pontoon has nothing of the kind' }),
  );
}

function readFile(path: string, named: boolean): Map<string, Setting> {
  if (!existsSync(path)) {
    if (named) throw wrong(path, `there is no configuration file ${path}: make it, or leave --config-file out`);
    return new Map();
  }
  const text = readFileSync(path, 'utf8');
  const content = text.trim() === '' ? {} : parseJson(path, text);
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw wrong(path, `configuration file ${path}: it must be one JSON object`);
  }
  const known = new Map(KEYS.flatMap((one) => (one.key === undefined ? [] : [[one.key, one] as const])));
  const strange = Object.keys(content).filter((key) => !known.has(key));
  if (strange.length > 0) {
    throw wrong(
      strange[0]!,
      `configuration file ${path}: the following directives don't match any configuration option: ${strange.join(', ')}`,
    );
  }
  return new Map(
    Object.entries(content as Record<string, unknown>).map(([key, value]) => [
      key,
      fromFile(path, known.get(key)!, value),
    ]),
  );
}

function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw wrong(path, `configuration file ${path} is no JSON: ${(error as Error).message}`);
  }
}

function fromFlag({ name, kind }: Flag, given: GivenFlag): Setting {
  if (typeof given === 'boolean') return given;
  const last = given.at(-1) ?? '';
  const pairs = (): [string, string][] => given.map((text) => split(text, name));
  switch (kind) {
    case 'switch':
      return last !== 'false';
    case 'number':
      if (!/^-?\d+$/.test(last)) throw wrong(name, `--${name} cannot be '${last}': give a whole number`);
      return Number(last);
    case 'list':
      return given;
    case 'map':
      return Object.fromEntries(pairs());
    case 'pools':
      return given.map((text) => pool(text));
    case 'driver-options': {
      const drivers: Record<string, Record<string, string>> = {};
      for (const [driver, option] of pairs()) {
        const [key, value] = split(option, name);
        drivers[driver] = { ...drivers[driver], [key]: value };
      }
      return drivers;
    }
    default:
      return last;
  }
}

function fromFile(path: string, { kind, key }: Key, value: unknown): Setting {
  const isMap = (it: unknown): it is Record<string, unknown> =>
    typeof it === 'object' && it !== null && !Array.isArray(it);
  const isOf: Record<Key['kind'], (it: unknown) => boolean> = {
    text: (it) => typeof it === 'string',
    switch: (it) => typeof it === 'boolean',
    number: (it) => Number.isSafeInteger(it),
    list: (it) => Array.isArray(it) && it.every((item) => typeof item === 'string'),
    map: isMap,
    pools: (it) =>
      Array.isArray(it) &&
      it.every((item) => isMap(item) && typeof item.base === 'string' && typeof item.size === 'number'),
    'driver-options': (it) => isMap(it) && Object.values(it).every(isMap),
    any: () => true,
  };
  const words: Record<Key['kind'], string> = {
    text: 'a string',
    switch: 'true or false',
    number: 'a whole number',
    list: 'a list of strings',
    map: 'an object',
    pools: 'a list of objects with base and size',
    'driver-options': 'an object of objects',
    any: 'anything',
  };
  if (isOf[kind](value)) return value as Setting;
  throw wrong(key!, `configuration file ${path}: ${key} cannot be ${JSON.stringify(value)}: give ${words[kind]}`);
}

function split(text: string, name: string): [string, string] {
  const at = text.indexOf('=');
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw wrong(name, `--${name} cannot be '${text}': write key=value`);
}

function pool(text: string): Pool {
  const parts = Object.fromEntries(text.split(',').map((part) => split(part, 'default-address-pool')));
  const { base, size } = parts;
  if (base !== undefined && /^\d+$/.test(size ?? '')) return { base, size: Number(size) };
  throw wrong('default-address-pool', `--default-address-pool cannot be '${text}': write base=10.0.0.0/8,size=24`);
}

function show(value: Setting | undefined): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function wrong(subject: string, message: string): PontoonError {
  return new PontoonError('bad-value', message, { subject });
}
