/**
 * @module What must hold for the repository as a whole, and no compiler or linter checks.
 * (That nothing is exported as default is a rule of Biome: see biome.json.)
 */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ERROR_KINDS } from '../src/errors.ts';

const root = resolve(import.meta.dirname, '..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const find = (pattern: string) => globSync(pattern, { cwd: root, exclude: ['**/node_modules/**'] }).sort();

/** A Markdown text without its fenced code, in which # opens a comment and not a section. */
const withoutCode = (markdown: string) => markdown.replaceAll(/^```[\s\S]*?^```$/gm, '');

test('every source opens with a @module comment: what it is, why, its limits', () => {
  const sources = find('{src,scripts,bench,test}/**/*.ts').filter((file) => !file.endsWith('.test.ts'));
  const without = sources.filter((file) => !/^(#!.*\n)?\/\*\*\s+(\* )?@module \S/.test(read(file)));
  expect(without).toEqual([]);
});

describe('docs/errors.md', () => {
  test('describes every error code, under its kind, and no other', () => {
    const described: Record<string, string> = {};
    let kind = '';
    for (const line of read('docs/errors.md').split('\n')) {
      kind = /^## .*`([a-z-]+)`/.exec(line)?.[1] ?? kind;
      const code = /^\| `([a-z-]+)` \|/.exec(line)?.[1];
      if (code !== undefined) described[code] = kind;
    }
    expect(described).toEqual(ERROR_KINDS);
  });

  test('gives a meaning and a remedy for each', () => {
    for (const line of read('docs/errors.md')
      .split('\n')
      .filter((line) => line.startsWith('| `'))) {
      expect(line).toMatch(/^\| `[a-z-]+` \| \S.+ \| \S.+ \|$/);
    }
  });
});

test('README.md and README.zh-CN.md have the same sections', () => {
  const outline = (file: string) => [...withoutCode(read(file)).matchAll(/^(#+) /gm)].map((heading) => heading[1]);
  expect(outline('README.zh-CN.md')).toEqual(outline('README.md'));
});

test('every relative link in the documents leads to a file', () => {
  const broken = find('{*.md,docs/**/*.md}').flatMap((file) =>
    [...withoutCode(read(file)).matchAll(/\]\((?!\w+:|#)([^)#\s]+)/g)]
      .map((link) => link[1]!)
      .filter((target) => !existsSync(resolve(root, dirname(file), decodeURI(target))))
      .map((target) => `${file}: ${target}`),
  );
  expect(broken).toEqual([]);
});
