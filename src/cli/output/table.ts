/**
 * @module Columns, as Go's text/tabwriter lays them out for Docker: cells end at tabs, and a column is as wide as its
 * widest cell and three spaces, at least ten; what stands after the last tab of a line is not padded.
 */

const MINIMUM_WIDTH = 10;
const PADDING = 3;

/** @param lines - cells divided by tabs */
export function alignColumns(lines: readonly string[], minimum = MINIMUM_WIDTH): string[] {
  const rows = lines.map((line) => line.split('\t'));
  const widths: number[] = [];
  for (const cells of rows) {
    for (const [column, cell] of cells.slice(0, -1).entries()) {
      widths[column] = Math.max(widths[column] ?? minimum, width(cell) + PADDING);
    }
  }
  return rows.map((cells) =>
    cells.map((cell, column) => (column === cells.length - 1 ? cell : pad(cell, widths[column]!))).join(''),
  );
}

function pad(cell: string, columns: number): string {
  return cell + ' '.repeat(columns - width(cell));
}

/** In characters, not in UTF-16 units. */
function width(cell: string): number {
  return [...cell].length;
}
