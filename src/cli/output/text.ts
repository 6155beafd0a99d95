/**
 * @module Small texts of tables: labels on a line, and what is cut short.
 */

/** 'a=b,c=d', in order. */
export function labelsOf(labels: Readonly<Record<string, string>> | null): string {
  return Object.entries(labels ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .toSorted()
    .join(',');
}

/** At most so many characters, of which the last says that there are more. */
export function ellipsis(text: string, length: number): string {
  const characters = [...text];
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join('')}…`;
}
