/**
 * @module Checks answers against the published description of the Engine API (Swagger 2.0, one file a version), where
 * it is at hand: PONTOON_ENGINE_API names the directory with v1.41.yaml and its like. Tests skip by name where it is not.
 */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv, type ValidateFunction } from 'ajv';
import { parse } from 'yaml';

const DIRECTORY = process.env.PONTOON_ENGINE_API ?? '/work/shared/engine-api';

type Json = Record<string, unknown>;

interface Operation {
  readonly method: string;
  readonly pattern: RegExp;
  /** Of templates: '/networks/{id}' has one. The fewer the better they fit. */
  readonly parameters: number;
  readonly responses: Readonly<Record<string, { readonly schema?: Json }>>;
}

/** Why a test that needs a description cannot run; false where it can. */
export function missingDescription(version: string): string | false {
  return existsSync(fileOf(version)) ? false : `needs ${fileOf(version)}: set PONTOON_ENGINE_API`;
}

export class EngineApiDescription {
  readonly #operations: readonly Operation[];
  readonly #definitions: Json;
  readonly #ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false, logger: false });
  readonly #compiled = new Map<Json, ValidateFunction>();

  /** @param version such as '1.48' */
  constructor(version: string) {
    const description = parse(readFileSync(fileOf(version), 'utf8')) as {
      paths: Record<string, Json>;
      definitions: Json;
    };
    this.#definitions = jsonSchema(description.definitions) as Json;
    this.#operations = Object.entries(description.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({
        method: method.toUpperCase(),
        pattern: new RegExp(`^${path.replaceAll(/\{[^}]+\}/g, '.+')}$`),
        parameters: path.split('{').length - 1,
        responses: (operation as { responses: Operation['responses'] }).responses,
      })),
    );
  }

  /** What is wrong with an answer: nothing is an empty list. `path` without version; `body` as text. */
  complaints(method: string, path: string, status: number, body: string): string[] {
    const where = `${method} ${path} → ${status}`;
    const [operation] = this.#operations
      .filter((known) => known.method === method && known.pattern.test(path.split('?')[0]!))
      .sort((a, b) => a.parameters - b.parameters);
    if (operation === undefined) return [`${where}: the description has no such operation`];
    const response = operation.responses[status];
    if (response === undefined) {
      // Docker does not write down every refusal; all have one form.
      const isRefusal = status >= 400 && typeof JSON.parse(body).message === 'string';
      return isRefusal ? [] : [`${where}: the description has no such status`];
    }
    if (response.schema === undefined) return body === '' || status >= 400 ? [] : [`${where}: has a body: ${body}`];
    if (response.schema.type === 'file' || response.schema.type === 'string') return [];
    const validate = this.#validator(response.schema);
    return valuesOf(body).flatMap((value) =>
      validate(value)
        ? []
        : (validate.errors ?? []).map(({ instancePath, message }) => `${where}: ${instancePath} ${message}`),
    );
  }

  #validator(schema: Json): ValidateFunction {
    const known = this.#compiled.get(schema);
    if (known !== undefined) return known;
    const validate = this.#ajv.compile({ ...(jsonSchema(schema) as Json), definitions: this.#definitions });
    this.#compiled.set(schema, validate);
    return validate;
  }
}

/** One value, or one a line. */
function valuesOf(body: string): unknown[] {
  const isOneALine = body.trim().includes('}\n{');
  return (isOneALine ? body.trim().split('\n') : [body]).filter((text) => text !== '').map((text) => JSON.parse(text));
}

function fileOf(version: string): string {
  return join(DIRECTORY, `v${version}.yaml`);
}

/**
 * Swagger's dialect as JSON schema: `x-nullable`, and keywords that say nothing about values. What is not required may be
 * null, too: dockerd writes that for Go's empty lists, maps and pointers, and the description often leaves it out.
 */
function jsonSchema(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(jsonSchema);
  if (typeof value !== 'object' || value === null) return value;
  const {
    'x-nullable': isNullable,
    example: _example,
    default: _default,
    discriminator: _tag,
    ...rest
  } = value as Json;
  const schema: Json = Object.fromEntries(Object.entries(rest).map(([key, inner]) => [key, jsonSchema(inner)]));
  if (typeof schema.properties === 'object') {
    const required = Array.isArray(schema.required) ? schema.required : [];
    schema.properties = Object.fromEntries(
      Object.entries(schema.properties as Json).map(([name, property]) => [
        name,
        required.includes(name) ? property : nullable(property),
      ]),
    );
  }
  return isNullable === true ? nullable(schema) : schema;
}

function nullable(schema: unknown): Json {
  return { anyOf: [{ type: 'null' }, schema] };
}
