import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseLogLine, readLog } from './logs.ts';
import type { LogOptions } from './types.ts';

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'log-'));
  path = join(directory, 'container.log');
});
afterEach(() => rmSync(directory, { recursive: true }));

const START_NS = BigInt(Date.parse('2026-11-21T06:00:00Z')) * 1_000_000n;
const line = (second: number, text: string, stream = 'stdout', tag = 'F') =>
  `2026-11-21T06:00:${String(second).padStart(2, '0')}.000000001+00:00 ${stream} ${tag} ${text}\n`;
const lines = (count: number) => Array.from({ length: count }, (_, index) => line(index, `line ${index}`)).join('');

async function read(options: LogOptions, ended?: Promise<unknown>): Promise<string[]> {
  const texts: string[] = [];
  for await (const { data } of readLog(path, options, ended && (() => ended))) texts.push(data.toString());
  return texts;
}

test('a line has its time, stream and text, and a part no line end', () => {
  expect(parseLogLine(Buffer.from(line(1, 'two words', 'stderr')))).toEqual({
    timeNs: START_NS + 1_000_000_001n,
    stream: 'stderr',
    data: Buffer.from('two words\n'),
  });
  expect(parseLogLine(Buffer.from(line(1, 'part', 'stdout', 'P')))?.data.toString()).toBe('part');
  expect(parseLogLine(Buffer.from(line(1, '')))?.data.toString()).toBe('\n');
  expect(parseLogLine(Buffer.from('not a record at all\n'))).toBeUndefined();
});

test('everything, one stream, a time, the last lines', async () => {
  writeFileSync(path, lines(5) + line(6, 'bad', 'stderr'));
  expect(await read({})).toHaveLength(6);
  expect(await read({ stdout: false })).toEqual(['bad\n']);
  expect(await read({ sinceNs: START_NS + 3_000_000_000n, untilNs: START_NS + 4_500_000_000n })).toEqual([
    'line 3\n',
    'line 4\n',
  ]);
  expect(await read({ tail: 2 })).toEqual(['line 4\n', 'bad\n']);
  expect(await read({ tail: 0 })).toEqual([]);
  expect(await read({ tail: 100 })).toHaveLength(6);
});

test('the parts of a line count as one, also where the log ends in its middle', async () => {
  writeFileSync(path, line(1, 'a') + line(2, 'b1', 'stdout', 'P') + line(2, 'b2') + line(3, 'c', 'stdout', 'P'));
  expect(await read({ tail: 1 })).toEqual(['c']);
  expect(await read({ tail: 2 })).toEqual(['b1', 'b2\n', 'c']);
});

test('the tail of a long log is found from its end', async () => {
  const long = 'x'.repeat(10_000);
  writeFileSync(path, Array.from({ length: 100 }, (_, index) => line(index % 60, `${index} ${long}`)).join(''));
  const tail = await read({ tail: 30 });
  expect(tail.map((text) => Number.parseInt(text, 10))).toEqual(Array.from({ length: 30 }, (_, index) => index + 70));
});

test('no log yet is an empty one; a line that is not complete is passed over', async () => {
  expect(await read({})).toEqual([]);
  writeFileSync(path, line(1, 'whole') + line(2, 'torn').slice(0, -3));
  expect(await read({})).toEqual(['whole\n']);
});

test('a follower who goes waits for no end', async () => {
  writeFileSync(path, line(1, 'one'));
  let waits: AbortSignal | undefined;
  const ended = (signal: AbortSignal) => {
    waits = signal;
    return new Promise(() => {});
  };
  for await (const _ of readLog(path, { follow: true }, ended)) break;
  expect(waits?.aborted).toBe(true);
});

test('a follower sees what comes, a new file after the old one, and the end', async () => {
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const seen: string[] = [];
  const reading = (async () => {
    for await (const { data } of readLog(path, { follow: true }, () => ended)) seen.push(data.toString().trim());
  })();
  const until = async (text: string) => {
    while (!seen.includes(text)) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  writeFileSync(path, line(1, 'one'));
  await until('one');
  appendFileSync(path, line(2, 'torn').slice(0, 30));
  appendFileSync(path, line(2, 'torn').slice(30));
  await until('torn');
  writeFileSync(`${path}.new`, line(3, 'rotated'));
  renameSync(`${path}.new`, path);
  await until('rotated');
  appendFileSync(path, line(4, 'last'));
  end();
  await reading;
  expect(seen).toEqual(['one', 'torn', 'rotated', 'last']);
});

test('a follower goes when its signal comes, or its time is up', async () => {
  writeFileSync(path, line(1, 'one'));
  const forever = new Promise(() => {});
  expect(await read({ follow: true, signal: AbortSignal.timeout(50) }, forever)).toEqual(['one\n']);
  expect(await read({ follow: true, untilNs: BigInt(Date.now() + 50) * 1_000_000n }, forever)).toEqual(['one\n']);
  expect(await read({ follow: true, untilNs: BigInt(Date.now()) * 1_000_000n }, forever)).toEqual(['one\n']);
});
