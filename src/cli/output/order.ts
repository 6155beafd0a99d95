/**
 * @module The order of names in lists: as text, but for numbers in them, which go by their size (net2 before net10).
 * @see docker/cli, github.com/fvbommel/sortorder
 */

export function compareNames(a: string, b: string): number {
  const [left, right] = [parts(a), parts(b)];
  for (const [index, part] of left.entries()) {
    const other = right[index];
    if (other === undefined) return 1;
    if (part === other) continue;
    const numbers = /^\d/.test(part) && /^\d/.test(other) ? Number(part) - Number(other) : 0;
    if (numbers !== 0) return numbers;
    return part < other ? -1 : 1;
  }
  return left.length - right.length;
}

function parts(text: string): string[] {
  return text.match(/\d+|\D+/g) ?? [];
}
