/**
 * @module docker-compose 1.29 against `pontoon daemon`: three services on two networks, up, looked at, scaled and down
 * again, with nothing left.
 */

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { TestDaemon } from '../api/daemon.ts';
import { DockerShell } from '../support/docker.ts';

const FILE = `
version: "3.8"
services:
  web:
    image: web
    init: true
    depends_on: [api]
    networks: [front]
    ports: ["8088:80"]
  api:
    image: web
    init: true
    depends_on: [db]
    networks:
      front: {aliases: [backend]}
      back:
    environment: {GREETING: hello}
  db:
    image: web
    init: true
    command: ["sh", "-c", "echo ready; echo kept > /data/file; exec httpd -f -p 80 -h /"]
    networks:
      back: {aliases: [database]}
    volumes: ["data:/data"]
networks:
  front:
  back:
    ipam: {config: [{subnet: 10.99.0.0/24}]}
volumes:
  data:
`;

/** The networks are joined in the order of their names: first the one that leads nowhere. */
const INSIDE_FILE = (greeting: string): string => `
services:
  store:
    image: web
    networks: [inside]
  web:
    image: web
    init: true
    links: ["store:shelf"]
    networks:
      inside:
      outside: {ipv4_address: 10.98.0.20}
    ports: ["8089:80"]
    environment: {GREETING: ${greeting}}
networks:
  inside: {internal: true}
  outside:
    ipam: {config: [{subnet: 10.98.0.0/24}]}
`;

const OLD_FILE = `
db:
  image: web
web:
  image: web
  command: sh -c "wget -qO- http://database/; exec sleep 1000"
  links: ["db:database"]
  ports: ["8098:80"]
  volumes: ["/tmp:/host", "/anonymous"]
`;

let daemon: TestDaemon;
let docker: DockerShell;
let directory: string;
const compose = (words: string, options: { status?: number } = {}) =>
  docker.run(`cd ${directory} && docker-compose --ansi never -p shop ${words}`, options);
const out = async (line: string) => (await docker.out(line)).trim();

before(async () => {
  ({ daemon, docker } = await DockerShell.open());
  await docker.makeWebImage('web', 80);
  directory = join(daemon.directory, 'shop');
  mkdirSync(directory);
  writeFileSync(join(directory, 'docker-compose.yml'), FILE);
});
after(() => daemon[Symbol.asyncDispose]());

test('up makes networks, volume and containers, in order', async () => {
  await compose('up -d');
  const { stdout } = await compose('ps');
  for (const service of ['web', 'api', 'db']) assert.match(stdout, new RegExp(`shop_${service}_1 .* Up `));
  assert.match(stdout, /0\.0\.0\.0:8088->80\/tcp/);
  assert.equal(await out('curl -s --retry 20 --retry-connrefused --retry-delay 0 127.0.0.1:8088'), 'it works on 80');
});

test('services find each other by name and alias, and only on networks that they share', async () => {
  assert.equal((await compose('exec -T web wget -qO- http://backend/')).stdout, 'it works on 80\n');
  assert.equal((await compose('exec -T api wget -qO- http://database/')).stdout, 'it works on 80\n');
  await compose('exec -T web ping -c 1 -W 1 db', { status: 1 });
});

test('exec tells the status of its command, and passes input on', async () => {
  assert.equal((await compose('exec -T api sh -c "echo \\$GREETING"')).stdout, 'hello\n');
  await compose('exec -T api sh -c "exit 3"', { status: 3 });
});

test('logs show what a service said', async () => {
  assert.match((await compose('logs db')).stdout, /db_1 +\| ready/);
});

test('up again changes nothing', async () => {
  const before = await out('docker ps -q --no-trunc');
  await compose('up -d');
  assert.equal(await out('docker ps -q --no-trunc'), before);
});

test('scale adds containers under the same name', async () => {
  await compose('up -d --scale api=3');
  assert.equal(await out('docker ps -q --filter label=com.docker.compose.service=api | wc -l'), '3');
  const { stdout } = await compose('exec -T web nslookup backend');
  assert.equal(stdout.match(/^Address:? ?\d*:? +\d+\.\d+\.\d+\.\d+$/gm)?.length, 3, stdout);
  await compose('up -d --scale api=1');
});

test('the volume outlives its container', async () => {
  await compose('rm -fs db');
  await compose('up -d');
  assert.equal((await compose('exec -T db cat /data/file')).stdout, 'kept\n');
});

test('down leaves nothing', async () => {
  await compose('down -v');
  assert.equal(await out('docker ps -aq'), '');
  assert.equal(await out('docker volume ls -q'), '');
  assert.equal(await out('docker network ls --format "{{.Name}}" | sort | xargs'), 'bridge host none');
  assert.doesNotMatch(await out('ip -o link'), /veth/);
});

test('a service with a static address, and on an internal network, is made anew when its file changes', async () => {
  const inside = join(daemon.directory, 'inside');
  mkdirSync(inside);
  const run = (words: string) => docker.run(`cd ${inside} && docker-compose --ansi never ${words}`);
  for (const greeting of ['hello', 'goodbye']) {
    writeFileSync(join(inside, 'docker-compose.yml'), INSIDE_FILE(greeting));
    await run('up -d');
    assert.equal((await run('port web 80')).stdout, '0.0.0.0:8089\n');
    assert.equal(await out('curl -s --retry 20 --retry-connrefused --retry-delay 0 127.0.0.1:8089'), 'it works on 80');
    assert.equal((await run('exec -T web sh -c "echo \\$GREETING"')).stdout, `${greeting}\n`);
    assert.equal((await run('exec -T web wget -qO- http://shelf/')).stdout, 'it works on 80\n');
  }
  assert.equal(await out('docker ps -aq | wc -l'), '2');
  await run('down');
});

test('a file of the first version speaks API 1.21: links on the default network, run, restart, pause', async () => {
  const old = join(daemon.directory, 'old');
  mkdirSync(old);
  writeFileSync(join(old, 'docker-compose.yml'), OLD_FILE);
  const run = async (words: string): Promise<string> =>
    (await docker.run(`cd ${old} && docker-compose --ansi never ${words}`)).stdout;
  await run('up -d');
  assert.match(await run('logs web'), /it works on 80/);
  assert.match(await run('exec -T web cat /etc/hosts'), /^172\.17\.0\.\d+\tdatabase$/m);
  assert.equal(await run('run --rm db echo hello'), 'hello\n');
  assert.match(await docker.terminal(`cd ${old} && docker-compose exec web tty`), /\/dev\/pts\/\d+$/m);
  assert.equal(await run('port web 80'), '0.0.0.0:8098\n');
  for (const words of ['pause web', 'unpause web', 'restart -t 0 db', 'stop -t 0', 'start', 'kill', 'down -v']) {
    await run(words);
  }
  assert.equal(await out('docker ps -aq; docker volume ls -q'), '');
});
