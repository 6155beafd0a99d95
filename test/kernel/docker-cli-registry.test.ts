/**
 * @module The docker command, a daemon of ours and Debian's docker-registry, which wants a password: login, pull, run.
 */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { missingProgram, PONTOON, type TestDaemon } from '../api/daemon.ts';
import { DockerShell } from '../support/docker.ts';

const REGISTRY = '127.0.0.1:5000';
const NAME = `${REGISTRY}/team/app:v1`;
/** bcrypt of 'pw'. */
const PASSWORDS = 'me:$2b$12$3QkyhZkLHdWe69ihWhkLGeufj0E6LvS8GHL0f52cv20EhyESzswfm\n';

const skip = missingProgram('docker-registry');
let daemon: TestDaemon;
let docker: DockerShell;
let registry: ChildProcess;

before(async () => {
  if (skip !== false) return;
  ({ daemon, docker } = await DockerShell.open());
  const path = (name: string): string => join(daemon.directory, name);
  mkdirSync(path('home'));
  process.env.HOME = path('home'); // where docker keeps what it logged in with
  writeFileSync(path('passwords'), PASSWORDS);
  const config = {
    version: '0.1',
    storage: { filesystem: { rootdirectory: path('registry') } },
    http: { addr: REGISTRY },
    log: { level: 'error' },
    auth: { htpasswd: { realm: 'test', path: path('passwords') } },
  };
  writeFileSync(path('registry.yml'), JSON.stringify(config));
  registry = spawn('docker-registry', ['serve', path('registry.yml')], { stdio: 'ignore' });
  await docker.run(`curl -s -o /dev/null --retry 50 --retry-connrefused --retry-delay 0 ${REGISTRY}/v2/`);
  await docker.run(`docker save pontoon/busybox -o ${path('image.tar')}`);
  const copy = `skopeo copy --dest-tls-verify=false --dest-creds me:pw docker-archive:${path('image.tar')}`;
  await docker.run(`${copy} docker://${NAME}`);
});
after(async () => {
  registry?.kill();
  await daemon?.[Symbol.asyncDispose]();
});

test('without a password nothing is pulled', { skip }, async () => {
  const { stderr } = await docker.run(`docker pull ${NAME}`, { status: 1 });
  assert.match(stderr, /pull access denied for 127\.0\.0\.1:5000\/team\/app/);
  assert.equal(await docker.out(`docker images -q ${REGISTRY}/team/app`), '');
});

test('a wrong password is refused, the right one is kept by the client', { skip }, async () => {
  const login = `docker login -u me --password-stdin ${REGISTRY}`;
  const { stderr } = await docker.run(`echo wrong | ${login}`, { status: 1 });
  assert.match(stderr, /unauthorized: incorrect username or password/);
  assert.match(await docker.out(`echo pw | ${login}`), /Login Succeeded/);
});

test('pull tells digest and status, and what is there already', { skip }, async () => {
  const told = await docker.out(`docker pull ${NAME}`);
  assert.match(told, /^v1: Pulling from 127\.0\.0\.1:5000\/team\/app$/m);
  assert.match(told, /^Digest: sha256:[0-9a-f]{64}$/m);
  assert.match(told, /^Status: Downloaded newer image for 127\.0\.0\.1:5000\/team\/app:v1$/m);
  assert.match(await docker.out(`docker pull ${NAME}`), /^Status: Image is up to date for /m);
});

test('run pulls what is not there', { skip }, async () => {
  await docker.run(`docker rmi ${NAME}`);
  const { stdout, stderr } = await docker.run(`docker run --rm ${NAME} echo hello`);
  assert.match(stderr, /^Unable to find image '127\.0\.0\.1:5000\/team\/app:v1' locally$/m);
  assert.equal(stdout, 'hello\n');
});

test('what the registry does not have is an error, and leaves nothing', { skip }, async () => {
  const { stderr } = await docker.run(`docker run --rm ${REGISTRY}/team/app:nope`, { status: 125 });
  assert.match(stderr, /manifest for 127\.0\.0\.1:5000\/team\/app:nope not found/);
  assert.equal(await docker.out(`docker images -q ${REGISTRY}/team/app:nope; docker ps -aq`), '');
});

test('pontoon finds what it keeps, and what docker kept', { skip }, async () => {
  const pontoon = `${PONTOON} --config ${join(daemon.directory, 'other')}`;
  const pull = `docker rmi ${NAME}; ${pontoon} pull -q ${NAME}`;
  assert.match((await docker.run(pull, { status: 1 })).stderr, /pull access denied/);
  await docker.run(`echo pw | ${pontoon} login -u me --password-stdin http://${REGISTRY}/v2/`);
  assert.match(await docker.out(pull), /127\.0\.0\.1:5000\/team\/app:v1$/m);
  assert.match(await docker.out(`docker rmi ${NAME}; ${PONTOON} pull -q ${NAME}`), /team\/app:v1$/m);
});
