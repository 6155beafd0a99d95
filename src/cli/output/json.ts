/**
 * @module JSON whose whole numbers keep all their digits: nanoseconds, and limits near 2^63, are beyond what a number of
 * JavaScript holds. They are read as bigint, and written as they were.
 */

/** Node.js 24 has these; its types do not say so yet (ECMAScript, JSON.parse source text access). */
interface ExactJson {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): unknown;
}

const exact = JSON as unknown as ExactJson;

export function parseExact(text: string): unknown {
  return exact.parse(text, (_key, value, { source }) =>
    typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value) && /^-?\d+$/.test(source ?? '')
      ? BigInt(source!)
      : value,
  );
}

export function stringifyExact(value: unknown, indent?: number): string {
  return JSON.stringify(
    value,
    (_key, inner: unknown) => (typeof inner === 'bigint' ? exact.rawJSON(inner.toString()) : inner),
    indent,
  );
}
