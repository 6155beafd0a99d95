import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { forgetFiles, keepingLines, unlessChanged, updateFiles } from './sandbox-files.ts';

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'files-'));
  path = join(directory, 'file');
});
afterEach(() => rmSync(directory, { recursive: true }));

const read = (): string => readFileSync(path, 'utf8');

for (const merge of [unlessChanged, keepingLines]) {
  describe(merge.name, () => {
    const update = (next: string): void => updateFiles(directory, { file: { text: next, merge } });

    test('follows the rendering, in the same inode', () => {
      update('one\ntwo\n');
      const { ino } = statSync(path);
      for (const next of ['three\nfour\nfive\n', 'six\n', '']) {
        update(next);
        expect(read()).toBe(next);
      }
      expect(statSync(path).ino).toBe(ino);
    });

    test('leaves a file alone whose rendering is the same', () => {
      update('one\n');
      writeFileSync(path, 'edited\n');
      update('one\n');
      expect(read()).toBe('edited\n');
    });

    test('writes a file again that is gone, and one that is to be forgotten', () => {
      update('one\n');
      rmSync(path);
      update('one\n');
      expect(read()).toBe('one\n');
      writeFileSync(path, 'edited\n');
      forgetFiles(directory);
      update('one\n');
      expect(read()).toBe('one\n');
    });

    test('goes on where an update ended half-way', () => {
      update('one\n');
      writeFileSync(path, 'two\n'); // and the process died
      update('two\n');
      expect(read()).toBe('two\n');
      update('three\n');
      expect(read()).toBe('three\n');
    });

    test('writes a file anew when it is not known what was rendered', () => {
      update('one\n');
      writeFileSync(path, 'edited\n');
      truncateSync(join(directory, 'rendered.json'), 5);
      update('one\n');
      expect(read()).toBe('one\n');
    });

    test('does not read a file that was made enormous', () => {
      update('one\n');
      truncateSync(path, 2 ** 40);
      update('two\n');
      expect(read()).toBe('two\n');
    });
  });
}

test('a resolv.conf that was written to stays as it is', () => {
  updateFiles(directory, { file: { text: 'one\n', merge: unlessChanged } });
  writeFileSync(path, 'edited\n');
  for (const next of ['two\n', 'three\n']) updateFiles(directory, { file: { text: next, merge: unlessChanged } });
  expect(read()).toBe('edited\n');
});

test('a hosts file keeps the lines that were added, behind ours', () => {
  updateFiles(directory, { file: { text: 'local\nold\n', merge: keepingLines } });
  writeFileSync(path, 'mine\nold\nlocal\nlast');
  updateFiles(directory, { file: { text: 'local\nnew\n', merge: keepingLines } });
  expect(read()).toBe('local\nnew\nmine\nlast\n');
  updateFiles(directory, { file: { text: 'local\n', merge: keepingLines } });
  expect(read()).toBe('local\nmine\nlast\n');
});
