import { expect, it } from 'vitest';
import type { Image } from '../container/types.ts';
import { parseFilters } from './filters.ts';
import { selectImages } from './image-filters.ts';
import { readCredentials } from './images.ts';

const IMAGES = [
  { id: 'sha256:aa', tags: ['library/web:1'], digests: [], createdMs: 1000, config: { labels: {} } },
  { id: 'sha256:bb', tags: ['web:2', 'other:1'], digests: [], createdMs: 2000, config: { labels: { a: 'b' } } },
  { id: 'sha256:cc', tags: [], digests: [], createdMs: 3000, config: { labels: {} } },
] as unknown as Image[];

it.each([
  [{}, ['cc', 'bb', 'aa']],
  [{ dangling: ['true'] }, ['cc']],
  [{ dangling: ['false'] }, ['bb', 'aa']],
  [{ label: ['a=b'] }, ['bb']],
  [{ reference: ['web'] }, ['bb']],
  [{ reference: ['*/web'] }, ['aa']],
  [{ reference: ['*:1'] }, ['bb']],
  [{ before: ['web:2'] }, ['aa']],
  [{ since: ['web:2'] }, ['cc']],
  [{ until: ['2'] }, ['aa']],
  [{ until: ['1h'] }, ['cc', 'bb', 'aa']],
])('selects images by %j', (filters, ids) => {
  const selected = selectImages(IMAGES, parseFilters(JSON.stringify(filters)));
  expect(selected.map(({ id }) => id.slice('sha256:'.length))).toEqual(ids);
});

it('shows only the names that fit a reference', () => {
  const [image] = selectImages(IMAGES, parseFilters('{"reference": ["other"]}'));
  expect(image?.tags).toEqual(['other:1']);
});

it('reads credentials in both kinds of Base64', () => {
  const encode = (value: object, kind: 'base64' | 'base64url') => Buffer.from(JSON.stringify(value)).toString(kind);
  const named = { username: 'ü?>', password: 'p>?', serveraddress: 'x' };
  expect(readCredentials(encode(named, 'base64url'))).toEqual({
    username: 'ü?>',
    password: 'p>?',
    serverAddress: 'x',
  });
  expect(readCredentials(encode({ identitytoken: 't' }, 'base64'))).toEqual({
    username: '',
    password: '',
    identityToken: 't',
  });
  expect(readCredentials(encode({}, 'base64'))).toBeUndefined();
  expect(readCredentials(undefined)).toBeUndefined();
});

it.each(['bnVsbA==', '{', '!!!', 'W10=', 'eyJ1c2VybmFtZSI6IDV9'])('takes the credentials %j for none', (header) => {
  expect(readCredentials(header)).toBeUndefined();
});
