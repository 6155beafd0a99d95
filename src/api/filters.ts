/**
 * @module The `filters` parameter of lists, prunes and events: {"name": {"a": true}} or, from old clients, {"name": ["a"]}.
 */

import { z } from 'zod';
import { parseBoolean } from '../text/booleans.ts';
import { parseDurationNs } from '../text/durations.ts';
import { badRequest } from './errors.ts';
import { textOf, timeOf } from './parse.ts';

const FILTERS = z.record(
  z.string(),
  z
    .union([z.array(z.string()), z.record(z.string(), z.boolean())])
    .transform((values) =>
      Array.isArray(values) ? values : Object.keys(values).filter((value) => values[value] === true),
    ),
);

/** Values by key; several values of one key are alternatives, except for labels, which must all fit. */
export class Filters {
  readonly #values: ReadonlyMap<string, readonly string[]>;

  constructor(values: ReadonlyMap<string, readonly string[]> = new Map()) {
    this.#values = values;
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  values(key: string): readonly string[] {
    return this.#values.get(key) ?? [];
  }

  /** The same with one value more. */
  with(key: string, value: string): Filters {
    return new Filters(new Map([...this.#values, [key, [...this.values(key), value]]]));
  }

  /** Whether no value is asked for, or one is this one. */
  exact(key: string, actual: string): boolean {
    return !this.has(key) || this.values(key).includes(actual);
  }

  /** Whether no value is asked for, or one is one of these, or a regular expression that fits one (moby, Args.Match). */
  matches(key: string, ...actual: readonly string[]): boolean {
    return this.some(key, (wanted) => actual.some((text) => text === wanted || fits(wanted, text)));
  }

  /** Whether no value is asked for, or one fits the test. */
  some(key: string, test: (wanted: string) => boolean): boolean {
    return !this.has(key) || this.values(key).some(test);
  }

  /** 'label' asks for labels, all of them, as 'key' or 'key=value'; 'label!' for none of them. */
  labels(labels: Readonly<Record<string, string>>): boolean {
    const fits = (wanted: string): boolean => {
      const [key = '', ...rest] = wanted.split('=');
      if (!Object.hasOwn(labels, key)) return false;
      return rest.length === 0 || labels[key] === rest.join('=');
    };
    return this.values('label').every(fits) && !this.values('label!').some(fits);
  }

  /** @throws HttpError 400 for a key that is not one of these */
  allow(...keys: readonly string[]): this {
    for (const key of this.#values.keys()) {
      if (!keys.includes(key)) throw badRequest(`invalid filter '${key}'`);
    }
    return this;
  }

  /** 'until' of prunes: how long ago ('24h', '1h30m'), Unix seconds or a date; in milliseconds. @throws HttpError 400 */
  untilMs(nowMs = Date.now()): number | undefined {
    const [text, ...more] = this.values('until');
    if (text === undefined) return undefined;
    if (more.length > 0) throw badRequest('invalid filter: more than one until');
    if (text === '0') return 0; // the beginning of time, and no age
    const ageNs = parseDurationNs(text);
    if (ageNs !== undefined) return nowMs - ageNs / 1e6;
    const timeNs = timeOf('until', text);
    return timeNs === undefined ? undefined : Number(timeNs / 1_000_000n);
  }

  /** One boolean. @throws HttpError 400 */
  boolean(key: string): boolean | undefined {
    if (!this.has(key)) return undefined;
    const values = this.values(key);
    const value = values.length === 1 ? parseBoolean(values[0]!) : undefined;
    if (value !== undefined) return value;
    throw badRequest(`invalid filter '${key}=[${values.join(' ')}]'`);
  }
}

/** @throws HttpError 400 */
export function parseFilters(parameter: unknown): Filters {
  const text = textOf(parameter);
  if (text === undefined || text === '') return new Filters();
  const result = FILTERS.safeParse(fromJson(text));
  if (!result.success) throw badRequest(`invalid filters: use {"key": {"value": true}} or {"key": ["value"]}`);
  // A key without values asks for nothing.
  return new Filters(new Map(Object.entries(result.data).filter(([, values]) => values.length > 0)));
}

/** What is no regular expression fits nothing. */
function fits(expression: string, text: string): boolean {
  try {
    return new RegExp(expression).test(text);
  } catch {
    return false;
  }
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw badRequest('invalid filters: it is no JSON');
  }
}
