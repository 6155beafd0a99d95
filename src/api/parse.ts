/**
 * @module What clients send, checked: bodies by schema, query parameters by Docker's readings.
 *
 * Docker decodes JSON as Go does: a field's name may be written in any case, null is the same as leaving a field out,
 * and unknown fields are accepted. A wrong type is a 400 that names the field.
 */

import type { Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { badRequest } from './errors.ts';

/** The body by a schema; no body is an empty object. @throws HttpError 400 */
export function parseBody<S extends z.ZodType>(schema: S, request: FastifyRequest): z.output<S> {
  const { body } = request;
  if (body !== undefined && !isJson(request)) {
    const given = request.headers['content-type'];
    throw badRequest(`unsupported Content-Type header (${given ?? 'none'}): must be 'application/json'`);
  }
  return parse(schema, body ?? {});
}

/** A body that the handler reads itself. @throws HttpError 400 where there is none */
export function streamOf(body: unknown): Readable {
  if (typeof body === 'object' && body !== null && 'pipe' in body) return body as Readable;
  throw badRequest("there is no archive in the body: send one as 'application/x-tar'");
}

/** A value that came as JSON, which it changes, by a schema. @throws HttpError 400 */
export function parse<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  readAsGo(schema, value);
  const result = schema.safeParse(value, { reportInput: true });
  if (result.success) return result.data;
  throw badRequest(result.error.issues.map(describe).slice(0, 3).join('; '));
}

/** Docker's booleans: everything is true but '', '0', 'no', 'false' and 'none'. */
export function booleanOf(value: unknown, absent = false): boolean {
  const text = lastOf(value);
  return text === undefined ? absent : !['', '0', 'no', 'false', 'none'].includes(text.trim().toLowerCase());
}

/** @throws HttpError 400 */
export function integerOf(name: string, value: unknown): number | undefined {
  const text = lastOf(value);
  if (text === undefined || text === '') return undefined;
  const number = Number(text);
  if (/^[+-]?\d+$/.test(text) && Number.isSafeInteger(number)) return number;
  throw badRequest(`invalid value for '${name}': '${text}' is not a whole number`);
}

export function textOf(value: unknown): string | undefined {
  return lastOf(value);
}

/** A parameter that may be repeated. */
export function textsOf(value: unknown): string[] {
  return (Array.isArray(value) ? value : value === undefined ? [] : [value]).map(String);
}

/**
 * A time as events and logs take it: Unix seconds with up to nine decimals, or RFC 3339; in nanoseconds.
 * @throws HttpError 400
 */
export function timeOf(name: string, value: unknown): bigint | undefined {
  const text = lastOf(value);
  if (text === undefined || text === '' || text === '0') return undefined;
  const unix = /^(-?\d{1,12})(?:\.(\d{1,9}))?$/.exec(text);
  if (unix !== null) return BigInt(unix[1]!) * 1_000_000_000n + BigInt((unix[2] ?? '').padEnd(9, '0'));
  const ms = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(ms)) return BigInt(ms) * 1_000_000n;
  throw badRequest(`invalid value for '${name}': '${text}' is no time: use Unix seconds or RFC 3339`);
}

function lastOf(value: unknown): string | undefined {
  return textsOf(value).at(-1);
}

function isJson(request: FastifyRequest): boolean {
  return /^application\/json\b/i.test(request.headers['content-type'] ?? '');
}

function describe(issue: z.core.$ZodIssue): string {
  const field = issue.path.reduce<string>(
    (path, part) =>
      typeof part === 'number' ? `${path}[${part}]` : path === '' ? String(part) : `${path}.${String(part)}`,
    '',
  );
  const where = field === '' ? 'the body' : `field ${field}`;
  if (issue.code === 'invalid_type') {
    const given = issue.input === null ? 'null' : Array.isArray(issue.input) ? 'array' : typeof issue.input;
    return given === 'undefined'
      ? `invalid JSON: ${where} is missing`
      : `invalid JSON: cannot unmarshal ${given} into ${where} of type ${issue.expected}`;
  }
  return `invalid JSON: ${where}: ${issue.message}`;
}

/** Gives the fields of a value the case of their names, and drops null where the schema has none; in place. */
type Reading = (value: unknown) => unknown;

/** How the values of a schema are read; undefined: as they are. */
const READINGS = new WeakMap<object, Reading | undefined>();

function readAsGo(schema: z.ZodType, value: unknown): void {
  readingOf(schema)?.(value);
}

function readingOf(schema: unknown): Reading | undefined {
  const inner = unwrap(schema) as object;
  if (!READINGS.has(inner)) READINGS.set(inner, makeReading(inner));
  return READINGS.get(inner);
}

function makeReading(schema: object): Reading | undefined {
  if (schema instanceof z.ZodObject) return readingOfFields(schema.shape);
  if (schema instanceof z.ZodArray) {
    const item = readingOf(schema.element);
    return item && ((value) => Array.isArray(value) && value.forEach(item));
  }
  if (schema instanceof z.ZodRecord) {
    const item = readingOf(schema.valueType);
    return item && ((value) => isObject(value) && Object.values(value).forEach(item));
  }
  return undefined;
}

function readingOfFields(shape: z.core.$ZodShape): Reading {
  const names = new Map(Object.keys(shape).map((name) => [name.toLowerCase(), name]));
  const below = Object.entries(shape).flatMap(([name, schema]) => {
    const reading = readingOf(schema);
    return reading === undefined ? [] : [[name, reading] as const];
  });
  return (value) => {
    if (!isObject(value)) return;
    if (Object.keys(value).some((given) => value[given] === null || !Object.hasOwn(shape, given))) rename(value, names);
    for (const [name, reading] of below) reading(value[name]);
  };
}

/** Of a field that is there in several cases, the last that is not null counts. */
function rename(value: Record<string, unknown>, names: ReadonlyMap<string, string>): void {
  for (const [given, item] of Object.entries(value)) {
    const name = names.get(given.toLowerCase());
    if (name === undefined) continue;
    if (name !== given || value[given] === null) delete value[given];
    if (item !== null) value[name] = item;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function unwrap(schema: unknown): unknown {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault) {
    return unwrap(schema.unwrap());
  }
  return schema instanceof z.ZodPipe ? unwrap(schema.in) : schema;
}
