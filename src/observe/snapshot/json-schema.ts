/**
 * @module The JSON Schema of the snapshot, as published in docs/snapshot.schema.json. What each field means stands in
 * types.ts, from where the descriptions are taken.
 * @see https://json-schema.org/draft/2020-12
 */

import { snapshotShape } from './schema.ts';
import type { JsonSchema, Shape } from './shape.ts';
import { SNAPSHOT_FORMAT, SNAPSHOT_VERSION } from './types.ts';

/** @param typesSource The text of types.ts */
export function snapshotJsonSchema(typesSource: string): JsonSchema {
  const comments = readComments(typesSource);
  const shape: Shape<unknown> = snapshotShape;
  const parts = [...shape.parts].sort(([a], [b]) => a.localeCompare(b));
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: `urn:${SNAPSHOT_FORMAT}:${SNAPSHOT_VERSION}`,
    title: 'A snapshot of the networking of one host, by `pontoon snapshot`',
    ...shape.schema,
    $defs: Object.fromEntries(parts.map(([name, schema]) => [name, described(name, schema, comments)])),
  };
}

function described(name: string, schema: JsonSchema, comments: ReadonlyMap<string, string>): JsonSchema {
  const properties = Object.entries(schema.properties as Record<string, JsonSchema>).map(([key, property]) => {
    const description = comments.get(`${name}.${key}`);
    return [key, description === undefined ? property : { ...property, description }];
  });
  const description = comments.get(name);
  return {
    ...(description === undefined ? {} : { description }),
    ...schema,
    properties: Object.fromEntries(properties),
  };
}

/** The comment before each interface ('Link') and before each of its fields ('Link.name'). */
function readComments(source: string): Map<string, string> {
  const comments = new Map<string, string>();
  let inside: string | undefined;
  let comment: string | undefined;
  for (const [line = ''] of source.matchAll(/^ *\/\*\*[\s\S]*?\*\/|^.*$/gm)) {
    const name = /^export interface (\w+)/.exec(line)?.[1];
    const field = /^ {2}readonly (\w+)\??:/.exec(line)?.[1];
    if (isComment(line)) comment = plain(line);
    else if (name !== undefined) {
      inside = name;
      if (comment !== undefined) comments.set(name, comment);
    } else if (field !== undefined && inside !== undefined && comment !== undefined) {
      comments.set(`${inside}.${field}`, comment);
    }
    if (!isComment(line) && line.trim() !== '') comment = undefined;
  }
  return comments;
}

function isComment(text: string): boolean {
  return text.trimStart().startsWith('/**');
}

function plain(comment: string): string {
  return comment
    .trim()
    .replace(/^\/\*\*\s*|\s*\*\/$/g, '')
    .replaceAll(/\s*\n\s*\*\s?/g, ' ')
    .trim();
}
