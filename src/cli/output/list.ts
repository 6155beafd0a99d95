/**
 * @module Lists of things, in the three shapes that --format knows: a table (its own or 'table TEMPLATE'), a template
 * for each, or 'json' for each on a line.
 */

import { alignColumns } from './table.ts';
import { compileTemplate, FUNCTIONS, type Functions, goJson } from './template-run.ts';

/** What a template may ask of a thing: the heading above it in a table, and the value (or a method). */
export type Columns<T> = Readonly<Record<string, readonly [heading: string, value: (item: T) => unknown]>>;

export interface ListOptions {
  /** 'table', 'table TEMPLATE', 'json' or a template. */
  readonly format: string | undefined;
  /** The template of the table that is shown unless --format says something else. */
  readonly table: string;
  /** With --quiet: the one column. */
  readonly quiet?: string | false | undefined;
}

/** The template of a table with these columns. */
export function tableOf(names: readonly string[]): string {
  return names.map((name) => `{{.${name}}}`).join('\t');
}

/** In a table's first line the functions leave headings as they are. @see docker/cli, templates.HeaderFunctions */
const HEADING_FUNCTIONS: Functions = {
  ...FUNCTIONS,
  json: (heading: string) => heading,
  title: (heading: string) => heading,
  lower: (heading: string) => heading,
  upper: (heading: string) => heading,
  truncate: (heading: string) => heading,
  join: (heading: string) => heading,
  split: (heading: string) => heading,
};

/** Prints the things. @throws PontoonError bad-value for a template that cannot be used */
export function printList<T>(items: readonly T[], columns: Columns<T>, options: ListOptions): void {
  const text = formatList(items, columns, options);
  if (text !== '') process.stdout.write(text);
}

/** What printList prints. */
export function formatList<T>(items: readonly T[], columns: Columns<T>, { format, table, quiet }: ListOptions): string {
  if (typeof quiet === 'string' && (format === undefined || format === 'table')) {
    return lines(items.map(compileRows(`{{.${quiet}}}`, columns)));
  }
  if (format === undefined || format === '' || format === 'table') return formatTable(items, columns, table);
  if (format === 'json') return lines(items.map((item) => goJson(allOf(item, columns))));
  const [, custom] = /^table\s+(.*)$/s.exec(format) ?? [];
  if (custom !== undefined) return formatTable(items, columns, withEscapes(custom));
  return lines(items.map(compileRows(withEscapes(format), columns)));
}

function formatTable<T>(items: readonly T[], columns: Columns<T>, template: string): string {
  const headings = Object.fromEntries(
    Object.entries(columns).map(([name, [heading]]) => [name, (label?: string) => labelHeading(label) ?? heading]),
  );
  const heading = compileTemplate(template, HEADING_FUNCTIONS)(headings);
  return lines(alignColumns([heading, ...items.map(compileRows(template, columns))]));
}

/** The column of {{.Label "com.example.some-thing"}} is headed 'some thing'. */
function labelHeading(label: string | undefined): string | undefined {
  return label?.split('.').at(-1)?.replaceAll(/[-_]/g, ' ');
}

function compileRows<T>(template: string, columns: Columns<T>): (item: T) => string {
  const print = compileTemplate(template);
  return (item) => {
    const fields = Object.entries(columns).map(([name, [, value]]) => [
      name,
      (...args: unknown[]) => call(value(item), args),
    ]);
    return print(Object.defineProperty(Object.fromEntries(fields), 'toJSON', { value: () => allOf(item, columns) }));
  };
}

/** A value that is a function is a method with arguments, such as Label. */
function call(value: unknown, args: readonly unknown[]): unknown {
  return typeof value === 'function' ? value(...args) : value;
}

/** Everything that is no method, in order, as {{json .}} has it. */
function allOf<T>(item: T, columns: Columns<T>): Record<string, unknown> {
  const values = Object.entries(columns).map(([name, [, value]]) => [name, value(item)] as const);
  return Object.fromEntries(
    values.filter(([, value]) => typeof value !== 'function').toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );
}

/** A shell hands over backslashes as they are. */
export function withEscapes(template: string): string {
  return template.replaceAll('\\t', '\t').replaceAll('\\n', '\n');
}

function lines(list: readonly string[]): string {
  return list.map((line) => `${line}\n`).join('');
}
