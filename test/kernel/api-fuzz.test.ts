/**
 * @module Requests of any shape: the daemon refuses them and serves on. A failure that no one expected would be a 500
 * with an error that is none of Pontoon's; there must be none in its log.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type OutgoingHttpHeaders, request } from 'node:http';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { TestDaemon } from '../api/daemon.ts';

/** A client that waits for an answer that does not come hangs up; the daemon must not mind. */
const HANG_UP_MS = 300;
const RUNS = 300;

let daemon: TestDaemon;
/** What is there to be asked about. */
let things: readonly string[];

before(async () => {
  daemon = await TestDaemon.start();
  const { json: sandbox } = await daemon.call('POST', '/pontoon/sandboxes', { body: { name: 'thing' } });
  const create = await daemon.call('POST', '/containers/create?name=box', {
    body: { Image: 'pontoon/busybox', Cmd: ['true'] },
  });
  await daemon.call('POST', '/volumes/create', { body: { Name: 'vol' } });
  things = ['bridge', 'thing', 'box', 'vol', 'pontoon/busybox', sandbox.id, create.json?.Id ?? 'box'];
});
after(() => daemon.stop());

async function checkAlive(): Promise<void> {
  assert.equal(daemon.process.exitCode, null, daemon.log);
  assert.equal((await daemon.call('GET', '/_ping')).text, 'OK');
  const surprises = daemon.log
    .split('\n')
    .filter((line) => /"type":"\w*Error"/.test(line) && !/"type":"(?:PontoonError|KernelError|HttpError)"/.test(line));
  assert.deepEqual(surprises, []);
}

/** Sends a request and reads whatever comes, for a while. */
function send(method: string, path: string, headers: OutgoingHttpHeaders, body: string | Buffer): Promise<void> {
  return new Promise((resolve) => {
    const sent = request({ socketPath: daemon.socketPath, method, path, headers, agent: false });
    const timer = setTimeout(() => sent.destroy(), HANG_UP_MS);
    const done = (): void => {
      clearTimeout(timer);
      sent.destroy();
      resolve();
    };
    sent.once('upgrade', (_response, socket) => {
      socket.destroy();
      done();
    });
    sent.once('response', (response) => response.on('error', done).once('close', done).resume());
    sent.once('error', done).once('close', done);
    sent.end(body);
  });
}

const ROUTES: readonly (readonly [method: string, path: string])[] = [
  ...['/_ping', '/version', '/info', '/system/df', '/networks', '/volumes', '/plugins', '/containers/json'].map(
    (path) => ['GET', path] as const,
  ),
  ...['/images/json', '/events', '/images/get', '/images/search', '/pontoon/sandboxes', '/pontoon/events'].map(
    (path) => ['GET', path] as const,
  ),
  ...['create', 'prune', 'ID/connect', 'ID/disconnect'].map((verb) => ['POST', `/networks/${verb}`] as const),
  ...['create', 'prune'].map((verb) => ['POST', `/volumes/${verb}`] as const),
  ...['json', 'logs', 'top', 'stats', 'changes', 'archive', 'export'].map(
    (verb) => ['GET', `/containers/ID/${verb}`] as const,
  ),
  ...[
    'create',
    'prune',
    ...[
      'start',
      'stop',
      'kill',
      'restart',
      'pause',
      'unpause',
      'wait',
      'rename',
      'update',
      'resize',
      'attach',
      'exec',
    ].map((verb) => `ID/${verb}`),
  ].map((verb) => ['POST', `/containers/${verb}`] as const),
  ...['ID/start', 'ID/resize'].map((verb) => ['POST', `/exec/${verb}`] as const),
  ...['create', 'load', 'prune', 'ID/tag', 'ID/push'].map((verb) => ['POST', `/images/${verb}`] as const),
  ...['json', 'history', 'get'].map((verb) => ['GET', `/images/ID/${verb}`] as const),
  ...['publish', 'unpublish'].map((verb) => ['POST', `/pontoon/containers/ID/${verb}`] as const),
  ...['start', 'stop', 'attach', 'detach'].map((verb) => ['POST', `/pontoon/sandboxes/ID/${verb}`] as const),
  ...([
    ['POST', '/pontoon/sandboxes'],
    ['POST', '/pontoon/reconcile'],
    ['GET', '/exec/ID/json'],
  ] as const),
  ...([
    ['GET', '/networks/ID'],
    ['GET', '/volumes/ID'],
    ['GET', '/pontoon/sandboxes/ID'],
  ] as const),
  ...([
    ['PUT', '/containers/ID/archive'],
    ['HEAD', '/containers/ID/archive'],
    ['POST', '/build'],
  ] as const),
];

const FIELDS = [
  ...['Name', 'Driver', 'IPAM', 'Config', 'Subnet', 'Gateway', 'Options', 'Labels', 'EnableIPv6', 'Container'],
  ...['EndpointConfig', 'IPAMConfig', 'IPv4Address', 'Aliases', 'Image', 'Cmd', 'Env', 'HostConfig', 'PortBindings'],
  ...['Binds', 'Mounts', 'NetworkMode', 'NetworkingConfig', 'EndpointsConfig', 'RestartPolicy', 'Healthcheck', 'Test'],
  ...['Memory', 'NanoCpus', 'Ulimits', 'Tmpfs', 'ExposedPorts', '80/tcp', 'HostPort', 'HostIp', 'DriverOpts', 'Tty'],
  ...['Detach', 'name', 'namespace', 'endpoints', 'network', 'port', 'hostPort', 'protocol', 'pid', 'path', 'bridge'],
];
const QUERIES = [
  'filters',
  'since',
  'until',
  'all',
  'limit',
  'tail',
  'signal',
  't',
  'h',
  'w',
  'path',
  'name',
  'fromImage',
  'type',
  'stream',
  'stdout',
  'follow',
  'condition',
];

const value = fc.oneof(
  fc.constantFrom<unknown>(
    '',
    'bridge',
    '10.7.0.0/24',
    '0.0.0.0',
    '::1',
    'true',
    -1,
    0,
    1e308,
    2 ** 53,
    null,
    true,
    '../..',
    '/',
    '\0',
    '{}',
  ),
  fc.jsonValue({ maxDepth: 1 }),
);
const { body } = fc.letrec((tie) => ({
  body: fc.dictionary(fc.constantFrom(...FIELDS), tie('any'), { maxKeys: 5 }),
  any: fc.oneof({ maxDepth: 4 }, value, fc.array(tie('any'), { maxLength: 3 }), tie('body')),
}));
const query = fc.dictionary(
  fc.constantFrom(...QUERIES),
  fc.oneof(
    fc.string(),
    fc.constantFrom('1', '-1', '{"label":["a"]}', '{"until":["x"]}', '{"a":{"b":true}}', '1e9', 'NaN'),
  ),
  { maxKeys: 3 },
);

describe('requests of any shape', { concurrency: false }, () => {
  test('bytes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.uint8Array({ maxLength: 400 }),
          fc.string().map((text) => Buffer.from(`${text}\r\n\r\n`)),
        ),
        fc.constantFrom(
          '',
          'POST /v1.41/containers/box/attach HTTP/1.1\r\n',
          'POST /exec/x/start HTTP/1.1\r\nContent-Length: 99999999\r\n',
          'GET ',
        ),
        async (bytes, start) => {
          const socket = daemon.connect();
          socket.on('error', () => {});
          const closed = once(socket, 'close');
          socket.resume().end(Buffer.concat([Buffer.from(start), bytes]));
          const timer = setTimeout(() => socket.destroy(), HANG_UP_MS);
          await closed;
          clearTimeout(timer);
        },
      ),
      { numRuns: RUNS },
    );
    await checkAlive();
  });

  test('paths, methods and headers', async () => {
    const method = fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'PATCH', 'OPTIONS', 'PROPFIND');
    const part = fc.oneof(
      fc.constantFrom(
        'v1.41',
        'v1.99',
        'v',
        'containers',
        'images',
        'networks',
        'json',
        '..',
        '%2e%2e',
        '%00',
        '%zz',
        '%2F',
      ),
      fc.webSegment(),
    );
    const header = fc.tuple(
      fc.constantFrom('content-type', 'upgrade', 'connection', 'x-registry-auth', 'expect', 'accept', 'x-meta'),
      fc.constantFrom('application/json', 'tcp', 'Upgrade', 'e30=', 'x', '100-continue', 'application/x-tar', '*/*'),
    );
    await fc.assert(
      fc.asyncProperty(
        method,
        fc.array(part, { maxLength: 6 }),
        fc.array(header, { maxLength: 3 }),
        fc.string(),
        (verb, parts, headers, text) =>
          send(verb, `/${parts.join('/')}`, Object.fromEntries(headers), ['GET', 'HEAD'].includes(verb) ? '' : text),
      ),
      { numRuns: RUNS },
    );
    await checkAlive();
  });

  test('bodies and queries of every route', { timeout: 600_000 }, async () => {
    const id = fc.oneof(
      fc.nat({ max: 6 }),
      fc.webSegment().filter((text) => text.length > 0),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...ROUTES),
        id,
        body,
        query,
        async ([method, template], which, json, parameters) => {
          const ref = encodeURIComponent(typeof which === 'number' ? things[which]! : which);
          const path = `${template.replace('ID', ref)}?${new URLSearchParams(parameters)}`;
          const isRead = method === 'GET' || method === 'HEAD';
          const text = isRead ? '' : JSON.stringify(json);
          await send(method, path, isRead ? {} : { 'content-type': 'application/json' }, text);
        },
      ),
      { numRuns: 3 * RUNS },
    );
    await checkAlive();
  });
});
