/**
 * @module A reporter for node:test that writes one JSON document: what `scripts/test.ts` counts and quotes.
 */
import type { TestEvent } from 'node:test/reporters';
import { stripVTControlCharacters } from 'node:util';

export interface Report {
  readonly passed: number;
  /** Each skipped or todo test with its reason. */
  readonly skipped: readonly string[];
  /** Each failed test with what it said. */
  readonly failures: readonly string[];
}

// biome-ignore lint/style/noDefaultExport: node takes a reporter's default export
export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  let passed = 0;
  const skipped: string[] = [];
  const failures: string[] = [];
  for await (const { type, data } of events) {
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    const excuse = data.skip ?? data.todo;
    if (excuse !== undefined) skipped.push(`${data.name}: ${excuse === true ? 'no reason given' : excuse}`);
    else if (type === 'test:fail') failures.push(...failureOf(data.name, data.line, data.details.error));
    else if (data.details.type !== 'suite') passed++;
  }
  yield JSON.stringify({ passed, skipped, failures } satisfies Report);
}

/** What a test failed of, if not of one within it that has been told of already. */
function failureOf(name: string, line: number | undefined, error: Error & { failureType?: string }): string[] {
  if (error.failureType === 'subtestsFailed') return [];
  const thrown = error.cause ?? error;
  const said = thrown instanceof Error ? thrown.message : String(thrown);
  return [`${name} (line ${line}): ${stripVTControlCharacters(said)}`];
}
