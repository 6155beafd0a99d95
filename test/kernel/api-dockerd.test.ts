/**
 * @module The same questions to dockerd and to Pontoon, in one world: the statuses are the same, and every field that
 * dockerd answers is there with the same type. (Where dockerd is installed; Debian's is 20.10, which speaks 1.41.)
 */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { missingProgram, newDirectory, rootFlags, run, TestDaemon } from '../api/daemon.ts';

const VERSION = '1.41';
const PATIENCE_MS = 120_000;

interface Question {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  /** Both answer it with the same message. */
  readonly sameWords?: boolean;
  /** Why our status is another one. */
  readonly otherStatus?: string;
}

const create = (body: unknown, more: Partial<Question> = {}): Question => ({
  method: 'POST',
  path: '/networks/create',
  body,
  ...more,
});
const get = (path: string, more: Partial<Question> = {}): Question => ({ method: 'GET', path, ...more });
const filters = (value: unknown): string => `filters=${encodeURIComponent(JSON.stringify(value))}`;

const FRONT = {
  Name: 'front',
  CheckDuplicate: true,
  Driver: 'bridge',
  EnableIPv6: true,
  IPAM: {
    Driver: 'default',
    Config: [
      {
        Subnet: '172.28.0.0/16',
        IPRange: '172.28.5.0/24',
        Gateway: '172.28.5.254',
        AuxiliaryAddresses: { a: '172.28.5.1' },
      },
      { Subnet: 'fd00:9::/64' },
    ],
  },
  Options: { 'com.docker.network.driver.mtu': '1400' },
  Labels: { a: 'b' },
};

/** In this order: later ones ask about what earlier ones made. */
const QUESTIONS: readonly Question[] = [
  get('/_ping'),
  get('/version'),
  get('/info'),
  get('/networks'),
  get('/networks/bridge'),
  get('/networks/host'),
  get('/networks/none'),
  create(FRONT),
  get('/networks/front'),
  get('/networks/front?verbose=true&scope=local'),
  get('/networks/front?scope=swarm', { sameWords: true }),
  create({ Name: 'front', CheckDuplicate: true }),
  create({ Name: 'bridge' }),
  create({ Name: 'mine', Driver: 'host' }),
  create({ Name: 'mine', IPAM: { Config: [{ Subnet: '172.28.0.0/24' }] } }),
  create({ Name: 'mine', Driver: 'nope' }),
  create(
    { Name: 'mine', IPAM: { Config: [{ Subnet: '172.28.0.0/99' }] } },
    { otherStatus: 'a wrong request, not a failure' },
  ),
  create({ Name: 'mine', Options: { 'com.docker.network.driver.mtu': 'x' } }, { otherStatus: 'a wrong request' }),
  create({}, { otherStatus: 'a wrong request' }),
  create({ Name: 5 }),
  create({ Name: 'options', Options: { foo: 'x' } }),
  get('/networks/options'),
  get(`/networks?${filters({ driver: { bridge: true }, label: { a: true } })}`),
  get(`/networks?${filters({ foo: ['x'] })}`),
  get('/networks/nope', { sameWords: true }),
  { method: 'DELETE', path: '/networks/nope', sameWords: true },
  { method: 'DELETE', path: '/networks/bridge', sameWords: true },
  { method: 'POST', path: '/networks/front/connect', body: { Container: 'nope' }, sameWords: true },
  { method: 'POST', path: '/networks/front/connect', body: {}, sameWords: true },
  { method: 'POST', path: '/networks/front/disconnect', body: { Container: 'nope' }, sameWords: true },
  { method: 'POST', path: '/networks/prune' },
  get('/volumes'),
  {
    method: 'POST',
    path: '/volumes/create',
    body: { Name: 'v1', Labels: { a: 'b' }, DriverOpts: { type: 'tmpfs', device: 'tmpfs', o: 'size=1m' } },
  },
  { method: 'POST', path: '/volumes/create', body: {} },
  { method: 'POST', path: '/volumes/create', body: { Name: 'a/b' }, sameWords: true },
  { method: 'POST', path: '/volumes/create', body: { Name: 'vx', Driver: 'nope' }, sameWords: true },
  { method: 'POST', path: '/volumes/create', body: { Name: 'vy', DriverOpts: { foo: '1' } }, sameWords: true },
  get(`/volumes?${filters({ name: ['v1'] })}`),
  get('/volumes/v1'),
  get('/volumes/nope', { sameWords: true }),
  { method: 'DELETE', path: '/volumes/nope', sameWords: true },
  get(`/volumes?${filters({ foo: ['x'] })}`),
  { method: 'POST', path: '/volumes/prune' },
  get('/containers/json?all=1'),
  get('/containers/nope/json', { sameWords: true }),
  { method: 'POST', path: '/containers/nope/start', sameWords: true },
  { method: 'DELETE', path: '/containers/nope', sameWords: true },
  get('/images/nope/json'),
  get('/system/df'),
  get('/plugins'),
  { method: 'POST', path: '/build/prune' },
  get('/events?since=5&until=3', { sameWords: true }),
  get('/nowhere', { sameWords: true }),
];

/** Fields of dockerd's that say what Pontoon has not: registries by default, Windows, plugins of its build. */
const WITHOUT = [
  /^\/info\/(KernelMemory|KernelMemoryTCP|DriverStatus|Runtimes|RegistryConfig|Plugins|SecurityOptions|Labels)/,
  /^\/version\/(Components|BuildTime)/,
  /^\/system\/df\/(BuilderSize|Images|Containers|Volumes)/,
  /^\/networks\/Options/,
];

let dockerd: ChildProcess | undefined;
let dockerdSocket: string;
let pontoon: TestDaemon;

const skip = missingProgram('dockerd');

before(async () => {
  if (skip) return;
  const directory = newDirectory();
  dockerdSocket = join(directory, 'docker.sock');
  // dockerd wants one version of cgroups; this mount namespace is the test's own.
  await run('umount', ['/sys/fs/cgroup/unified']);
  const flags = [...rootFlags(directory), '--host', `unix://${dockerdSocket}`];
  // In a network of its own, so that both can have the same subnets.
  dockerd = spawn('unshare', ['--net', 'dockerd', ...flags], { stdio: 'ignore' });
  pontoon = await TestDaemon.start();
  for (;;) {
    const answer = await ask(dockerdSocket, get('/_ping')).catch(() => undefined);
    if (answer?.status === 200) return;
    assert.equal(dockerd.exitCode, null, 'dockerd ended');
    await sleep(100);
  }
});

after(async () => {
  await pontoon?.stop();
  if (dockerd === undefined) return;
  const ended = once(dockerd, 'exit');
  dockerd.kill('SIGTERM');
  await ended;
});

async function ask(socketPath: string, { method, path, body }: Question): Promise<{ status: number; json: unknown }> {
  const headers = body === undefined ? {} : { 'content-type': 'application/json' };
  const sent = request({ socketPath, method, path: `/v${VERSION}${path}`, headers, agent: false });
  sent.end(body === undefined ? undefined : JSON.stringify(body));
  const [response] = await once(sent, 'response');
  const answer = await text(response);
  const isJson = response.headers['content-type'] === 'application/json' && answer !== '';
  return { status: response.statusCode, json: isJson ? JSON.parse(answer) : undefined };
}

/** Each field of theirs that ours lacks, or has with another type. null is any type; of a list, the first entry. */
function missing(theirs: unknown, ours: unknown, path: string): string[] {
  if (theirs === null || theirs === undefined || WITHOUT.some((pattern) => pattern.test(path))) return [];
  if (Array.isArray(theirs)) {
    if (!Array.isArray(ours)) return [`${path}: ${JSON.stringify(ours)} is no list`];
    return theirs.length === 0 || ours.length === 0 ? [] : missing(theirs[0], ours[0], path);
  }
  if (typeof theirs !== 'object') {
    return typeof ours === typeof theirs ? [] : [`${path}: ${JSON.stringify(ours)} is no ${typeof theirs}`];
  }
  if (typeof ours !== 'object' || ours === null) return [`${path}: ${JSON.stringify(ours)} is no object`];
  return Object.entries(theirs).flatMap(([key, value]) =>
    Object.hasOwn(ours, key)
      ? missing(value, (ours as Record<string, unknown>)[key], `${path}/${key}`)
      : missing(value, undefined, `${path}/${key}`),
  );
}

describe('dockerd and Pontoon', { concurrency: false, skip }, () => {
  for (const question of QUESTIONS) {
    const { method, path, body, sameWords = false, otherStatus } = question;
    const what = `${method} ${path}${body === undefined ? '' : ` ${JSON.stringify(body)}`}`;
    test(what.slice(0, 120), { timeout: PATIENCE_MS }, async () => {
      const [theirs, ours] = [await ask(dockerdSocket, question), await ask(pontoon.socketPath, question)];
      if (otherStatus === undefined) assert.equal(ours.status, theirs.status, JSON.stringify(ours.json));
      else assert.ok(ours.status >= 400 && ours.status < 500 && theirs.status >= 500);
      assert.deepEqual(missing(theirs.json, ours.json, path.split('?')[0]!), []);
      if (sameWords) assert.deepEqual(ours.json, theirs.json);
    });
  }
});
