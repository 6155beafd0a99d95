/**
 * @module One thing as --format asks for it: 'json' on one line, or a Go template.
 */

import { withEscapes } from './list.ts';
import { compileTemplate, goJson } from './template-run.ts';

/** @throws PontoonError bad-value */
export function formatValue(value: unknown, format: string): string {
  return format === 'json' ? goJson(value) : compileTemplate(withEscapes(format))(value);
}
