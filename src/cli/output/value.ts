/**
 * @module One thing as --format asks for it: 'json' on one line, or a Go template.
 */

import { asGo } from './go-types.ts';
import { withEscapes } from './list.ts';
import { compileTemplate, goJson } from './template-run.ts';

type Type = Parameters<typeof asGo>[1];

/** What prints a thing that was read as JSON. @throws PontoonError bad-value, as what it returns does */
export function compileFormat(format: string): (value: unknown, type?: Type) => string {
  if (format === 'json') return goJson;
  const print = compileTemplate(withEscapes(format));
  return (value, type) => print(asGo(value, type));
}

/** @throws PontoonError bad-value */
export function formatValue(value: unknown, format: string, type?: Type): string {
  return compileFormat(format)(value, type);
}
