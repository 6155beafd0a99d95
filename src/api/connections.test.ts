import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fastify } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { Engine } from '../network/engine.ts';
import { createApi, type DaemonInfo } from './app.ts';
import { serveConnection } from './connections.ts';
import { parseDetachKeys } from './detach-keys.ts';
import { EventHub } from './events.ts';
import { hijack, joinStreams, streamType } from './hijack.ts';
import { parseBody } from './parse.ts';

const path = join(mkdtempSync(join(tmpdir(), 'connections-')), 's');
const info = { version: '0', dataRoot: '/', runRoot: '/', labels: [], debug: false } satisfies DaemonInfo;
/** No route that these tests use asks it. */
const engine = {} as Engine;
const app = createApi({ engine, info, events: new EventHub(), log: fastify().log });

const detachKeys = parseDetachKeys('ctrl-p,ctrl-q');

/** How many attachments have been given back. */
let disposed = 0;

// A process that writes now and then. (One that is silent learns of its client's end with its next word: until then a
// client that vanished looks like one that has half-closed.)
app.post('/containers/:id/attach', (request, reply) => {
  const streams = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() };
  const client = hijack(request, reply, streamType(request, false));
  const writing = setInterval(() => streams.stdout.write('tick'), 5);
  streams.stdin.resume().once('end', () => streams.stdout.write('all said'));
  const attachment = {
    ...streams,
    async [Symbol.asyncDispose]() {
      clearInterval(writing);
      disposed++;
    },
  };
  return joinStreams(client, attachment, { terminal: false, detachKeys });
});

// A process that says on its standard output what it reads, and 'bye' on its standard error when that ends.
app.post('/exec/:id/start', (request, reply) => {
  const { Tty = false } = parseBody(z.object({ Tty: z.boolean().optional() }), request);
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  stdin.pipe(stdout);
  stdin.once('end', () => stderr.end(Tty ? '' : 'bye'));
  const client = hijack(request, reply, streamType(request, Tty));
  const attachment = { stdin, stdout, stderr, async [Symbol.asyncDispose]() {} };
  return joinStreams(client, attachment, { terminal: Tty, detachKeys });
});

const server = createServer({ allowHalfOpen: true }, (socket) => serveConnection(app, socket));

beforeAll(async () => {
  await app.ready();
  const listening = once(server, 'listening');
  server.listen(path);
  await listening;
});
afterAll(async () => {
  server.close();
  await app.close();
});

/** Sends parts, one after the other, half-closes, and returns all that comes back. */
async function talk(...parts: string[]): Promise<string> {
  const socket = connect({ path, allowHalfOpen: true });
  const answer = text(socket.setEncoding('latin1'));
  for (const part of parts) {
    socket.write(part);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  socket.end();
  return answer;
}

const BODY = '{"Tty":false}';
const head = (...more: string[]): string =>
  [
    'POST /v1.44/exec/1/start HTTP/1.1',
    'Host: x',
    'Content-Type: application/json',
    'Content-Length: 13',
    ...more,
    '',
    '',
  ].join('\r\n');
const UPGRADE = ['Connection: Upgrade', 'Upgrade: tcp'];
const frame = (stream: number, data: string): string =>
  Buffer.concat([Buffer.from([stream, 0, 0, 0, 0, 0, 0, data.length]), Buffer.from(data)]).toString('latin1');

describe('a hijacked connection', () => {
  test.each([
    ['in one piece', [`${head(...UPGRADE)}${BODY}in`]],
    ['with its body and input in pieces', [head(...UPGRADE), BODY.slice(0, 5), `${BODY.slice(5)}i`, 'n']],
    ['with its head in pieces', ['PO', head(...UPGRADE).slice(2, 40), head(...UPGRADE).slice(40), `${BODY}in`]],
  ])('is raw both ways after 101, %s', async (_how, parts) => {
    const answer = await talk(...parts);
    expect(answer).toMatch(/^HTTP\/1\.1 101 UPGRADED\r\n/);
    expect(answer).toContain('Upgrade: tcp\r\n');
    expect(answer).toContain('Content-Type: application/vnd.docker.multiplexed-stream\r\n');
    const raw = answer.slice(answer.indexOf('\r\n\r\n') + 4);
    expect([`${frame(1, 'in')}${frame(2, 'bye')}`, `${frame(1, 'i')}${frame(1, 'n')}${frame(2, 'bye')}`]).toContain(
      raw,
    );
  });

  test.each([
    ['in one piece', [`${head()}${BODY}in`]],
    ['with its head in pieces', ['P', head().slice(1, 30), head().slice(30, -1), `\n${BODY}in`]],
  ])('of an old client, which does not ask for it, begins with 200, %s', async (_how, parts) => {
    const answer = await talk(...parts);
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(answer).not.toMatch(/upgrade|transfer-encoding/i);
    expect(answer.endsWith(`\r\n\r\n${frame(1, 'in')}${frame(2, 'bye')}`)).toBe(true);
  });

  test('with a terminal has no frames', async () => {
    const answer = await talk(`${head(...UPGRADE).replace('13', '12')}{"Tty":true}in`);
    expect(answer).toContain('Content-Type: application/vnd.docker.raw-stream\r\n');
    expect(answer.endsWith('\r\n\r\nin')).toBe(true);
  });

  test('with a terminal ends with the keys that leave it', async () => {
    const socket = connect({ path, allowHalfOpen: true }).setEncoding('latin1');
    let answer = '';
    socket.on('data', (data) => {
      answer += data;
    });
    socket.write(`${head(...UPGRADE).replace('13', '12')}{"Tty":true}in\x10x`);
    while (!answer.endsWith('\r\n\r\nin\x10x')) await once(socket, 'data');
    socket.write('\x10');
    socket.write('\x11more');
    await once(socket, 'end');
    expect(answer.endsWith('x')).toBe(true);
    socket.destroy();
  });

  test('that is refused gets an answer as any other', async () => {
    const answer = await talk(`${head(...UPGRADE).replace('13', '3')}[1]`);
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(answer).toMatch(/\{"message":"invalid JSON: cannot unmarshal array/);
  });

  test('whose client vanishes gives the attachment back', async () => {
    const before = disposed;
    const socket = connect({ path });
    socket.write(
      'POST /containers/x/attach HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nsome input',
    );
    await once(socket, 'data');
    socket.destroy();
    while (disposed === before) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(disposed).toBe(before + 1);
  });

  test('that is the second request of a connection gets a streamed answer', async () => {
    const before = disposed;
    const socket = connect({ path }).setEncoding('latin1');
    let answer = '';
    socket.on('data', (data) => {
      answer += data;
    });
    socket.write('GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(socket, 'data');
    socket.write('POST /containers/x/attach HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nin');
    // It has said all that it can, and hears on.
    while (answer.split(frame(1, 'tick')).length < 5) await once(socket, 'data');
    expect(answer).toMatch(/\r\n\r\nOKHTTP\/1\.1 200 OK\r\n/);
    expect(answer).not.toContain('all said');
    socket.destroy();
    while (disposed === before) await new Promise((resolve) => setTimeout(resolve, 5));
  });
});

describe('every answer', () => {
  test('says what the API is', async () => {
    for (const [url, status] of Object.entries({ '/_ping': 200, '/nowhere': 404, '/v1.99/info': 400 })) {
      const { headers, statusCode } = await app.inject(url);
      expect(statusCode).toBe(status);
      expect(headers).toMatchObject({ 'api-version': '1.55', ostype: 'linux', 'docker-experimental': 'false' });
      expect(headers.server).toMatch(/^Pontoon\//);
    }
  });

  test('is JSON by a name that clients compare', async () => {
    const { headers, body } = await app.inject('/nowhere');
    expect(headers['content-type']).toBe('application/json');
    expect(body).toBe('{"message":"page not found"}');
  });

  test.each(['GET / HTTP/9.9\r\n\r\n', 'nonsense\r\n\r\n', '\0\x01\x02\r\n\r\n', '\r\n'])(
    '%j is refused',
    async (bytes) => {
      expect(await talk(bytes)).toMatch(/^HTTP\/1\.1 400|^$/);
    },
  );
});
