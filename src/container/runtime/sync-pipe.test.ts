import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { SyncPipe } from './sync-pipe.ts';

test('lines come one after the other, however they are cut, and then the end', async () => {
  const stream = new PassThrough();
  const pipe = new SyncPipe(stream);
  const first = pipe.next();
  stream.write('{"data": 12');
  stream.write('3}\n{"data": -1, "message": "no such');
  expect(await first).toEqual({ data: 123, message: '' });
  stream.end(' file"}\n');
  expect(await pipe.next()).toEqual({ data: -1, message: 'no such file' });
  expect(await pipe.next()).toBeUndefined();
  expect(await pipe.next()).toBeUndefined();
});

test('a message that quotes what is no JSON is a message all the same', async () => {
  const stream = new PassThrough();
  const pipe = new SyncPipe(stream);
  stream.write('{"data": -1, "message": "exec: \u001f"}\n');
  stream.write('nonsense\n');
  expect(await pipe.next()).toEqual({ data: -1, message: 'exec:  ' });
  expect(await pipe.next()).toEqual({ data: -1, message: 'nonsense' });
});
