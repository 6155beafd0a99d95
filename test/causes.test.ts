/**
 * @module docs/causes.md says what the catalogue says, and the catalogue says everything in both languages.
 */
import { expect, test } from 'vitest';
import { CAUSES, sentenceOf } from '../src/observe/explain/causes.ts';
import { causesPage } from '../src/observe/explain/causes-page.ts';

test('docs/causes.md is what the code says', async () => {
  await expect(causesPage()).toMatchFileSnapshot('../docs/causes.md');
});

test('each cause uses the same facts in both languages', () => {
  const factsOf = (text: string) => [...new Set([...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name))].sort();
  for (const [code, { sentence }] of Object.entries(CAUSES))
    expect(factsOf(sentence.zh), code).toEqual(factsOf(sentence.en));
});

test('a sentence is filled with the facts of the case', () => {
  expect(sentenceOf('no-route', { namespace: 'web', destination: '10.0.0.1' })).toBe('web has no route to 10.0.0.1.');
});
