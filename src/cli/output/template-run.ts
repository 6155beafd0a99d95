/**
 * @module Fills a Go template in with a value: those of go-types.ts, or plain objects, of which functions are methods.
 *
 * A field that a struct has not is an error: a typing mistake must not print blanks. A key that a map has not is
 * undefined, and so is whatever is asked of that; null is a pointer to nothing, which has no fields.
 */

import { GoMap, GoStruct } from './go-types.ts';
import { stringifyExact } from './json.ts';
import { type Command, type Node, type Operand, type Pipeline, parseTemplate, refuse } from './template.ts';

export type Functions = Readonly<Record<string, (...values: never[]) => unknown>>;

/** Prepares a template; what it returns prints one value. @throws PontoonError bad-value, from both */
export function compileTemplate(source: string, functions: Functions = FUNCTIONS): (value: unknown) => string {
  const nodes = parseTemplate(source);
  return (value) => new Run(source, functions, value).nodes(nodes, value);
}

/** {{break}} and {{continue}} leave the bodies between them and their {{range}}. */
class LoopExit extends Error {
  readonly stops: boolean;
  readonly output: string;

  constructor(stops: boolean, output: string) {
    super('{{break}} or {{continue}} outside of {{range}}');
    this.stops = stops;
    this.output = output;
  }
}

class Run {
  readonly #source: string;
  readonly #functions: Functions;
  /** The innermost scope is the last. */
  readonly #scopes: Map<string, unknown>[];

  constructor(source: string, functions: Functions, root: unknown) {
    this.#source = source;
    this.#functions = functions;
    this.#scopes = [new Map([['$', root]])];
  }

  nodes(nodes: readonly Node[], dot: unknown): string {
    let output = '';
    for (const node of nodes) {
      try {
        output += this.#node(node, dot);
      } catch (error) {
        if (error instanceof LoopExit) throw new LoopExit(error.stops, output + error.output);
        throw error;
      }
    }
    return output;
  }

  #node(node: Node, dot: unknown): string {
    switch (node.kind) {
      case 'text':
        return node.text;
      case 'output': {
        const value = this.#pipeline(node.pipeline, dot);
        return node.pipeline.variables.length > 0 ? '' : printed(value);
      }
      case 'break':
      case 'continue':
        throw new LoopExit(node.kind === 'break', '');
      case 'range':
        return this.#range(node, dot);
      default:
        return this.#scoped(() => {
          const value = this.#pipeline(node.pipeline, dot);
          return isTrue(value)
            ? this.nodes(node.body, node.kind === 'with' ? value : dot)
            : this.nodes(node.otherwise, dot);
        });
    }
  }

  #range({ pipeline, body, otherwise }: Node & { kind: 'if' | 'with' | 'range' }, dot: unknown): string {
    const { variables, commands } = pipeline;
    const entries = entriesOf(this.#pipeline({ variables: [], assigns: false, commands }, dot));
    if (entries === undefined) throw refuse(this.#source, '{{range}} needs a list or a map');
    if (entries.length === 0) return this.#scoped(() => this.nodes(otherwise, dot));
    let output = '';
    for (const [key, value] of entries) {
      try {
        output += this.#scoped(() => {
          const names = variables.length === 2 ? [key, value] : [value];
          variables.forEach((name, index) => void this.#scopes.at(-1)!.set(name, names[index]));
          return this.nodes(body, value);
        });
      } catch (error) {
        if (!(error instanceof LoopExit)) throw error;
        output += error.output;
        if (error.stops) break;
      }
    }
    return output;
  }

  #scoped(run: () => string): string {
    this.#scopes.push(new Map());
    try {
      return run();
    } finally {
      this.#scopes.pop();
    }
  }

  #pipeline({ variables, assigns, commands }: Pipeline, dot: unknown): unknown {
    let value: unknown;
    commands.forEach((command, index) => {
      value = this.#command(command, dot, index === 0 ? [] : [value]);
    });
    for (const name of variables) {
      const scope = assigns ? this.#scopes.findLast((known) => known.has(name)) : this.#scopes.at(-1);
      if (scope === undefined) throw refuse(this.#source, `there is no variable ${name}`);
      scope.set(name, value);
    }
    return value;
  }

  #command([first, ...rest]: Command, dot: unknown, piped: readonly unknown[]): unknown {
    const args = [...rest.map((operand) => () => this.#operand(operand, dot)), ...piped.map((value) => () => value)];
    const { base, fields } = first!;
    if (base.kind !== 'function') return this.#operand(first!, dot, valuesOf(args));
    const isLogic = base.name === 'and' || base.name === 'or';
    return this.#fields(isLogic ? decide(base.name, args) : this.#call(base.name, valuesOf(args)), fields, []);
  }

  #operand({ base, fields }: Operand, dot: unknown, args: readonly unknown[] = []): unknown {
    switch (base.kind) {
      case 'dot':
        return this.#fields(dot, fields, args);
      case 'literal':
        return base.value;
      case 'group':
        return this.#fields(this.#pipeline(base.pipeline, dot), fields, args);
      case 'function':
        return this.#fields(this.#call(base.name, []), fields, args);
      case 'variable': {
        const scope = this.#scopes.findLast((known) => known.has(base.name));
        if (scope === undefined) throw refuse(this.#source, `there is no variable ${base.name}`);
        return this.#fields(scope.get(base.name), fields, args);
      }
    }
  }

  /** Follows fields; the arguments are for the last one, when that is a method. */
  #fields(start: unknown, names: readonly string[], args: readonly unknown[]): unknown {
    let value = start;
    names.forEach((name, index) => {
      if (value === undefined) return;
      if (typeof value !== 'object' || value === null) throw refuse(this.#source, `nothing has a field ${name} there`);
      if (value instanceof GoMap) {
        value = value.get(name);
        return;
      }
      const field = fieldOf(value, name);
      if (field === undefined) throw refuse(this.#source, `there is no field ${name}`);
      const found = (value as Record<string, unknown>)[field];
      value = typeof found === 'function' ? found(...(index === names.length - 1 ? args : [])) : found;
    });
    return value;
  }

  #call(name: string, args: readonly unknown[]): unknown {
    const run = Object.hasOwn(this.#functions, name) ? this.#functions[name] : undefined;
    if (run === undefined) throw refuse(this.#source, `there is no function ${name}`);
    try {
      return (run as (...values: readonly unknown[]) => unknown)(...args);
    } catch (error) {
      if (error instanceof TypeError || error instanceof RangeError)
        throw refuse(this.#source, `${name}: ${error.message}`);
      throw error;
    }
  }
}

/** The name that a struct has for a field: Go says ID, CPUShares and NanoCPUs where the JSON has Id, CpuShares, NanoCpus. */
function fieldOf(struct: object, name: string): string | undefined {
  if (Object.hasOwn(struct, name)) return name;
  if (!(struct instanceof GoStruct) || !/^[A-Z]/.test(name)) return undefined;
  return Object.getOwnPropertyNames(struct).find((known) => known.toLowerCase() === name.toLowerCase());
}

type Later = () => unknown;

function valuesOf(args: readonly Later[]): unknown[] {
  return args.map((arg) => arg());
}

/** `and` and `or` look at no more than they must, so that the first argument may guard the second. */
function decide(name: 'and' | 'or', args: readonly Later[]): unknown {
  let value: unknown;
  for (const arg of args) {
    value = arg();
    if (isTrue(value) === (name === 'or')) break;
  }
  return value;
}

function entriesOf(value: unknown): [key: unknown, value: unknown][] | undefined {
  if (value === null || value === undefined) return [];
  if (Array.isArray(value)) return [...value.entries()];
  if (typeof value === 'number') return Array.from({ length: value }, (_, index) => [index, index]);
  if (typeof value !== 'object') return undefined;
  return [...(value instanceof GoMap ? value : Object.entries(value))].toSorted(([a], [b]) => (a < b ? -1 : 1));
}

function isTrue(value: unknown): boolean {
  if (value instanceof GoStruct) return true;
  if (value instanceof GoMap) return value.size > 0;
  if (typeof value === 'object' && value !== null)
    return Array.isArray(value) ? value.length > 0 : Object.keys(value).length > 0;
  return Boolean(value);
}

/** As Go's fmt prints with %v. What has no type is a struct when its names begin with capitals, as those of fields do. */
function printed(value: unknown): string {
  if (value === undefined) return '<no value>';
  if (value === null) return '<nil>';
  if (Array.isArray(value)) return `[${value.map(printed).join(' ')}]`;
  if (typeof value !== 'object') return String(value);
  const names = Object.getOwnPropertyNames(value);
  if (!(value instanceof GoMap) && names.every((name) => /^[A-Z]\w*$/.test(name))) {
    return `{${names.map((name) => printed((value as Record<string, unknown>)[name])).join(' ')}}`;
  }
  const fields = entriesOf(value)!.map(([key, field]) => `${key}:${printed(field)}`);
  return `map[${fields.join(' ')}]`;
}

/** Go writes these characters as escapes, so that the text may stand in HTML. */
export function goJson(value: unknown): string {
  return stringifyExact(value ?? null).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function length(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  const entries = entriesOf(value);
  if (entries === undefined) throw new TypeError('it takes a list, a map or a string');
  return entries.length;
}

function index(value: unknown, ...keys: readonly (string | number)[]): unknown {
  return keys.reduce<unknown>((from, key) => {
    if (Array.isArray(from)) {
      if (typeof key !== 'number' || key < 0 || key >= from.length)
        throw new RangeError(`index ${key} is out of range`);
      return from[key];
    }
    if (from instanceof GoMap) return from.has(String(key)) ? from.get(String(key)) : from.absent;
    if (typeof from !== 'object' || from === null) throw new TypeError(`cannot look ${key} up in ${printed(from)}`);
    return (from as Record<string, unknown>)[key];
  }, value);
}

function compare(a: unknown, b: unknown): number {
  if (typeof a !== typeof b) throw new TypeError(`cannot compare ${printed(a)} with ${printed(b)}`);
  return a === b ? 0 : (a as string | number) < (b as string | number) ? -1 : 1;
}

const VERB = /%(-?)(0?)(\d*)(?:\.(\d+))?([sdvqtxfT%])/g;

/** %s %d %v %q %t %x %f with a width, which is what templates use. */
function format(pattern: string, ...values: readonly unknown[]): string {
  let next = 0;
  return pattern.replace(VERB, (_all, left: string, zeros: string, width: string, precision = '', verb: string) => {
    if (verb === '%') return '%';
    const value = values[next++];
    let text = printed(value);
    if (verb === 'q') text = JSON.stringify(text);
    else if (verb === 'x' && typeof value === 'number') text = value.toString(16);
    else if (verb === 'f') text = Number(value).toFixed(precision === '' ? 6 : Number(precision));
    else if (precision !== '') text = text.slice(0, Number(precision));
    return left === '' ? text.padStart(Number(width), zeros || ' ') : text.padEnd(Number(width));
  });
}

/** Go's own functions, without and and or, and Docker's. @see docker/cli, templates/templates.go */
export const FUNCTIONS: Functions = {
  not: (value: unknown) => !isTrue(value),
  len: length,
  index,
  slice: (value: string | unknown[], from = 0, to = value.length) => value.slice(from, to),
  print: (...values: unknown[]) => values.map(printed).join(' '),
  println: (...values: unknown[]) => `${values.map(printed).join(' ')}\n`,
  printf: format,
  eq: (first: unknown, ...others: unknown[]) => others.some((other) => first === other),
  ne: (a: unknown, b: unknown) => a !== b,
  lt: (a: unknown, b: unknown) => compare(a, b) < 0,
  le: (a: unknown, b: unknown) => compare(a, b) <= 0,
  gt: (a: unknown, b: unknown) => compare(a, b) > 0,
  ge: (a: unknown, b: unknown) => compare(a, b) >= 0,
  json: goJson,
  split: (value: string, separator: string) => value.split(separator),
  join: (values: readonly unknown[], separator: string) => (values ?? []).map(printed).join(separator),
  title: (value: string) =>
    value.replace(
      /(^|[^\p{L}\p{N}_'])(\p{L})/gu,
      (_all, before: string, letter: string) => before + letter.toUpperCase(),
    ),
  lower: (value: string) => value.toLowerCase(),
  upper: (value: string) => value.toUpperCase(),
  pad: (value: string, before: number, after: number) =>
    value === '' ? value : ' '.repeat(before) + value + ' '.repeat(after),
  truncate: (value: string, characters: number) => [...value].slice(0, characters).join(''),
  urlquery: (value: string) => encodeURIComponent(value).replaceAll('%20', '+'),
};
