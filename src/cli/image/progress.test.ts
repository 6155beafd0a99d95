import { expect, test } from 'vitest';
import { type ProgressMessage, showProgress } from './progress.ts';

/** What a terminal of 120 columns, or a file, is given. */
async function shown(isTTY: boolean, messages: readonly ProgressMessage[]): Promise<string> {
  let written = '';
  const output = { isTTY, columns: 120, write: (text: string) => (written += text) };
  await showProgress(
    (async function* () {
      yield* messages;
    })(),
    output as unknown as NodeJS.WriteStream,
  );
  return written;
}

/** What stands on a screen in the end: the sequences that are written, carried out. */
function screen(written: string): string[] {
  const lines = [''];
  let row = 0;
  for (const [index, part] of written.split('\u001B[').entries()) {
    const [, count, verb, rest = part] = index === 0 ? [] : (/^(\d+)([ABK])(.*)$/s.exec(part) ?? []);
    if (verb === 'A') row -= Number(count);
    if (verb === 'B') row += Number(count);
    if (verb === 'K') lines[row] = '';
    for (const character of rest) {
      if (character === '\n') row++;
      lines[row] ??= '';
      if (character !== '\n' && character !== '\r') lines[row] += character;
    }
  }
  return lines;
}

const MESSAGES: readonly ProgressMessage[] = [
  { status: 'Pulling from app', id: '1.0' },
  { id: 'aaa', status: 'Pulling fs layer' },
  { id: 'bbb', status: 'Pulling fs layer' },
  { id: 'aaa', status: 'Downloading', progressDetail: { current: 500_000, total: 1_000_000 } },
  { id: 'bbb', status: 'Download complete' },
  { id: 'aaa', status: 'Pull complete' },
  { status: 'Digest: sha256:1' },
];

test('a terminal has a line for each layer, drawn anew', async () => {
  const half = await shown(true, MESSAGES.slice(0, 4));
  expect(screen(half)).toEqual([
    '1.0: Pulling from app',
    `aaa: Downloading [${'='.repeat(25)}>${' '.repeat(24)}]  500kB/1MB`,
    'bbb: Pulling fs layer',
    '',
  ]);
  expect(screen(await shown(true, MESSAGES))).toEqual([
    '1.0: Pulling from app',
    'aaa: Pull complete',
    'bbb: Download complete',
    'Digest: sha256:1',
    '',
  ]);
});

test('a file has a line for each step, without bars', async () => {
  expect(await shown(false, MESSAGES)).toBe(
    [
      '1.0: Pulling from app',
      'aaa: Pulling fs layer',
      'bbb: Pulling fs layer',
      'bbb: Download complete',
      'aaa: Pull complete',
      'Digest: sha256:1',
      '',
    ].join('\n'),
  );
});

test('a failure is thrown', async () => {
  const failing = shown(false, [
    { status: 'a' },
    { errorDetail: { message: 'no such thing' }, error: 'no such thing' },
  ]);
  await expect(failing).rejects.toThrow('no such thing');
});
