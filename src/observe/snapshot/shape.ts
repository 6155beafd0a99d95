/**
 * @module Shapes of JSON documents: one description that checks what comes from a stranger, and is its JSON Schema.
 *
 * A check makes a new object of the fields that it knows, so that whatever else was in the text reaches nobody. The
 * compiler holds a shape to its interface: `object<Link>` must name every field of Link, and the optional ones as such.
 */

export type JsonSchema = { readonly [keyword: string]: unknown };

export interface Shape<T> {
  readonly optional?: false;
  /** The value, made anew. @throws Mismatch */
  readonly check: (value: unknown) => T;
  readonly schema: JsonSchema;
  /** The named objects in it, itself included. */
  readonly parts: ReadonlyMap<string, JsonSchema>;
}

/** The shape of a field that may be absent. */
export interface OptionalShape<T> extends Omit<Shape<T>, 'optional'> {
  readonly optional: true;
}

/** Where a value is not as it should be: the path grows as the error rises. */
export class Mismatch extends Error {
  readonly #path: (string | number)[] = [];
  readonly #why: string;

  constructor(why: string) {
    super(why);
    this.#why = why;
  }

  below(step: string | number): this {
    this.#path.unshift(step);
    return this;
  }

  /** 'namespaces[3].links[0].name is missing' */
  get line(): string {
    const path = this.#path
      .map((step) => (typeof step === 'number' ? `[${step}]` : `.${step.slice(0, STEP_SHOWN)}`))
      .join('');
    return `${path === '' ? 'it' : path.replace(/^\./, '')} ${this.#why}`;
  }
}

type ObjectFields<T> = {
  readonly [K in keyof T]-?: Record<never, never> extends Pick<T, K>
    ? OptionalShape<Exclude<T[K], undefined>>
    : Shape<T[K]>;
};

const STEP_SHOWN = 40;
const VALUE_SHOWN = 40;
const NO_PARTS: ReadonlyMap<string, JsonSchema> = new Map();

export function optional<T>(shape: Shape<T>): OptionalShape<T> {
  return { ...shape, optional: true };
}

export function object<T>(name: string, fields: ObjectFields<T>): Shape<T> {
  const entries = Object.entries(fields) as [string, Shape<unknown> | OptionalShape<unknown>][];
  const parts = new Map(entries.flatMap(([, shape]) => [...shape.parts]));
  parts.set(name, {
    type: 'object',
    properties: Object.fromEntries(entries.map(([key, { schema }]) => [key, schema])),
    required: entries.filter(([, shape]) => shape.optional !== true).map(([key]) => key),
  });
  return {
    parts,
    schema: { $ref: `#/$defs/${name}` },
    check(value) {
      const given = asObject(value);
      const made: Record<string, unknown> = {};
      for (const [key, shape] of entries) {
        if (Object.hasOwn(given, key)) made[key] = at(key, () => shape.check(given[key]));
        else if (shape.optional !== true) throw new Mismatch('is missing').below(key);
      }
      return made as T;
    },
  };
}

/** An array of at most `max` elements. */
export function list<T>(element: Shape<T>, max: number): Shape<readonly T[]> {
  return {
    parts: element.parts,
    schema: { type: 'array', items: element.schema, maxItems: max },
    check(value) {
      if (!Array.isArray(value)) throw not(value, 'a list');
      if (value.length > max) throw new Mismatch(`has ${value.length} entries: at most ${max} are read`);
      return value.map((one, index) => at(index, () => element.check(one)));
    },
  };
}

/** An object whose keys are data. */
export function record<T>(element: Shape<T>, max: number): Shape<Readonly<Record<string, T>>> {
  return {
    parts: element.parts,
    schema: { type: 'object', additionalProperties: element.schema, maxProperties: max },
    check(value) {
      const given = Object.entries(asObject(value));
      if (given.length > max) throw new Mismatch(`has ${given.length} entries: at most ${max} are read`);
      return Object.fromEntries(given.map(([key, one]) => [key, at(key, () => element.check(one))]));
    },
  };
}

export function text(options: { max: number; pattern?: RegExp; what?: string }): Shape<string> {
  const { max, pattern, what = 'such a text' } = options;
  return {
    parts: NO_PARTS,
    schema: { type: 'string', maxLength: max, ...(pattern && { pattern: pattern.source }) },
    check(value) {
      if (typeof value !== 'string') throw not(value, 'a text');
      if (value.length > max) throw new Mismatch(`has ${value.length} characters: at most ${max} are read`);
      if (pattern?.test(value) === false) throw not(value, what);
      return value;
    },
  };
}

/** A text that a function accepts. */
export function textWhere(max: number, what: string, accept: (value: string) => boolean): Shape<string> {
  const plain = text({ max });
  return {
    ...plain,
    check(value) {
      const given = plain.check(value);
      if (!accept(given)) throw not(given, what);
      return given;
    },
  };
}

/** A whole number. */
export function integer(min = 0, max: number = Number.MAX_SAFE_INTEGER): Shape<number> {
  return {
    parts: NO_PARTS,
    schema: { type: 'integer', minimum: min, maximum: max },
    check(value) {
      if (typeof value !== 'number' || !Number.isInteger(value)) throw not(value, 'a whole number');
      if (value < min || value > max) throw new Mismatch(`is ${value}: it must be from ${min} to ${max}`);
      return value;
    },
  };
}

/** A number of seconds or the like, not negative. */
export const amount: Shape<number> = {
  parts: NO_PARTS,
  schema: { type: 'number', minimum: 0 },
  check(value) {
    if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) throw not(value, 'a number');
    return value;
  },
};

export const flag: Shape<boolean> = {
  parts: NO_PARTS,
  schema: { type: 'boolean' },
  check(value) {
    if (typeof value !== 'boolean') throw not(value, 'true or false');
    return value;
  },
};

/** One of a few words or numbers. */
export function oneOf<const T extends string | number>(...words: readonly T[]): Shape<T> {
  return {
    parts: NO_PARTS,
    schema: words.length === 1 ? { const: words[0] } : { enum: words },
    check(value) {
      if (!words.includes(value as T)) throw not(value, words.map((word) => JSON.stringify(word)).join(' or '));
      return value as T;
    },
  };
}

/** Any JSON whose nesting ends. */
export function json(depth: number): Shape<unknown> {
  const check = (value: unknown, left: number): unknown => {
    if (left === 0) throw new Mismatch(`is nested deeper than ${depth} levels`);
    if (Array.isArray(value)) return value.map((one) => check(one, left - 1));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, check(one, left - 1)]));
  };
  return { parts: NO_PARTS, schema: {}, check: (value) => check(value, depth) };
}

function asObject(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw not(value, 'an object');
  return value as Record<string, unknown>;
}

function at<T>(step: string | number, check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw error instanceof Mismatch ? error.below(step) : error;
  }
}

function not(value: unknown, what: string): Mismatch {
  const shown = JSON.stringify(value) ?? 'nothing';
  return new Mismatch(`is ${shown.length > VALUE_SHOWN ? `${shown.slice(0, VALUE_SHOWN)}…` : shown}, not ${what}`);
}
