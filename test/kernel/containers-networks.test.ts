/**
 * @module Containers and networks: modes, links, published ports, live changes.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { test } from 'node:test';
import type { ContainerSpec } from '../../src/container/types.ts';
import { assertNothingLeft, BUSYBOX, openContainerLab, readAll } from '../support/container-lab.ts';

const lab = await openContainerLab();
const STEADY: ContainerSpec = { image: BUSYBOX, command: ['sleep', '1000'], init: true };

async function steady(name: string, more: Partial<ContainerSpec> = {}): Promise<string> {
  const { id } = await lab.containers.create({ ...STEADY, name, ...more });
  await lab.containers.start(id);
  return id;
}

async function inside(ref: string, command: string): Promise<string> {
  const { id } = await lab.containers.createExec(ref, { command: ['sh', '-c', command], stdout: true });
  return readAll((await lab.containers.startExec(id))!.stdout);
}

async function removeAll(): Promise<void> {
  for (const { id } of lab.containers.list()) await lab.containers.remove(id, { force: true, volumes: true });
  assertNothingLeft(lab);
}

test("host mode: the host's interfaces, name and names", async () => {
  const { stdout } = await lab.run('hostname; ip -o link | grep -c pontoon0; grep added /etc/hosts', {
    network: { mode: 'host' },
    extraHosts: [['added', '192.0.2.1']],
  });
  assert.equal(stdout, `${hostname()}\n1\n192.0.2.1\tadded\n`);
  assert.doesNotMatch(readFileSync('/etc/hosts', 'utf8'), /added/);
  await removeAll();
});

test('none: loopback only', async () => {
  const { stdout } = await lab.run('ip -o link | wc -l', { network: { mode: 'none' } });
  assert.equal(stdout.trim(), '1');
  await removeAll();
});

test('container mode: the same stack and names; without its owner there is none', async () => {
  const owner = await steady('owner');
  const spec = { network: { mode: 'container', container: 'owner' } } as const;
  await steady('guest', spec);
  assert.equal(
    await inside('guest', 'hostname; ip addr show eth0'),
    await inside('owner', 'hostname; ip addr show eth0'),
  );
  await lab.containers.create({ ...STEADY, ...spec, name: 'late' });
  await lab.containers.stop('owner');
  assert.equal(lab.containers.find('guest').state.status, 'running');
  await assert.rejects(lab.containers.start('late'), {
    message: `cannot join network of a non running container: ${owner}`,
  });
  await lab.containers.restart('owner');
  await lab.containers.start('late');
  assert.equal(await inside('late', 'hostname'), await inside('owner', 'hostname'));
  await lab.containers.remove('owner', { force: true });
  await removeAll();
});

test("host-gateway is the host's address on the default network", async () => {
  const { stdout } = await lab.run('grep host.docker.internal /etc/hosts', {
    extraHosts: [['host.docker.internal', 'host-gateway']],
  });
  assert.equal(stdout, '172.17.0.1\thost.docker.internal\n');
  await removeAll();
});

test('links: the alias finds the other container, also after it has been restarted', async () => {
  await steady('db');
  await steady('web', { links: [{ container: 'db', alias: 'database' }] });
  const address = async () => (await inside('db', 'ip -4 -o addr show eth0')).match(/inet ([\d.]+)/)![1]!;
  assert.match(await inside('web', 'grep database /etc/hosts'), new RegExp(`^${await address()}\tdatabase$`, 'm'));
  await steady('third');
  await lab.containers.stop('db');
  await steady('takes-its-address');
  await lab.containers.start('db');
  assert.match(await inside('web', 'grep database /etc/hosts'), new RegExp(`^${await address()}\tdatabase$`, 'm'));
  await lab.containers.stop('db');
  await lab.containers.stop('web');
  await assert.rejects(lab.containers.start('web'), /Cannot link to a non running container: \/db AS \/web\/database/);
  await lab.containers.start('db');
  await steady('cache');
  await steady('app', { links: ['db', 'cache'].map((container) => ({ container, alias: container })) });
  await lab.containers.stop('cache');
  await lab.containers.restart('db'); // whoever is linked to both is its neighbour all the same
  assert.match(await inside('app', 'grep -w db /etc/hosts'), new RegExp(`^${await address()}\tdb$`, 'm'));
  await removeAll();
});

test('ports: -P publishes what is exposed; publish and unpublish work on a running one', async () => {
  const { containers } = lab;
  await steady('web', { publishAll: true, exposedPorts: [{ port: 80, protocol: 'tcp' }] });
  const [binding] = containers.find('web').endpoints[0]!.ports;
  assert.deepEqual(binding!.port, [80, 80]);
  assert.ok(binding!.hostPort[0] >= 32768);
  await containers.publish('web', { port: 81, hostPort: 8081 });
  assert.equal(containers.find('web').endpoints[0]!.ports.length, 2);
  await containers.restart('web');
  assert.equal(containers.find('web').endpoints[0]!.ports.length, 2);
  await containers.unpublish('web', { hostPort: 8081 });
  assert.equal(containers.find('web').endpoints[0]!.ports.length, 1);
  await removeAll();
});

test('a port that is taken is a failed start, and nothing is left of it', async () => {
  const endpoints = [{ network: 'bridge', ports: [{ port: 80, hostPort: 8082 }] }] as const;
  await steady('first', { network: { mode: 'endpoints', endpoints } });
  await lab.containers.create({ ...STEADY, name: 'second', network: { mode: 'endpoints', endpoints } });
  await assert.rejects(lab.containers.start('second'), { code: 'port-taken' });
  assert.equal(lab.containers.find('second').state.status, 'created');
  assertNothingLeft(lab);
  await lab.containers.stop('first');
  await lab.containers.start('second');
  await removeAll();
});

test('networks: connected and disconnected live, names found', async () => {
  const { containers, engine } = lab;
  await engine.createNetwork({ name: 'back' });
  await steady('aa', { network: { mode: 'endpoints', endpoints: [{ network: 'back', aliases: ['alpha'] }] } });
  await steady('bb');
  await containers.connect('bb', 'back');
  assert.match(await inside('bb', 'ping -c1 -w2 alpha'), /1 packets received/);
  await containers.disconnect('bb', 'back');
  assert.deepEqual(
    containers.find('bb').endpoints.map(({ networkName }) => networkName),
    ['bridge'],
  );
  await removeAll();
  await engine.removeNetwork('back');
});

test('ports that were chosen are chosen again on the network that is joined next', async () => {
  const { containers, engine } = lab;
  await engine.createNetwork({ name: 'back' });
  const ports = [{ port: 80 }, { port: 81, hostPort: [9000, 9005] as const }, { port: 82, hostPort: 9010 }];
  const network = { mode: 'endpoints', endpoints: [{ network: 'bridge', ports }] } as const;
  const { id } = await containers.create({ image: BUSYBOX, command: ['sleep', '1000'], network });
  await containers.disconnect(id, 'bridge');
  await containers.connect(id, 'back');
  await containers.start(id);
  const [first, second, third] = containers.find(id).endpoints.flatMap((endpoint) => endpoint.ports);
  assert.ok(first!.hostPort[0] > 0);
  assert.ok(second!.hostPort[0] >= 9000 && second!.hostPort[0] <= 9005);
  assert.deepEqual(third!.hostPort, [9010, 9010]);
  await containers.stop(id, { timeoutSeconds: 0 });
  const taken = [{ port: 1, hostPort: second!.hostPort }];
  await engine.createSandbox({ name: 'takes-it', endpoints: [{ network: 'bridge', ports: taken }] });
  await containers.start(id);
  await engine.removeSandbox('takes-it');
  await removeAll();
  await engine.removeNetwork('back');
});

test('namespaces of another container: its processes are seen', async () => {
  await steady('target', { namespaces: { ipc: 'shareable' } });
  const { stdout } = await lab.run('ps | grep -c "sleep 1000"; hostname', {
    namespaces: { pid: 'container:target', ipc: 'container:target' },
  });
  assert.ok(Number(stdout.split('\n')[0]) >= 1);
  await removeAll();
});

test('fifty start at once, and the event loop goes on', async () => {
  let longestMs = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    longestMs = Math.max(longestMs, now - last);
    last = now;
  }, 1);
  const all = await Promise.all(
    Array.from({ length: 50 }, (_, n) => lab.containers.create({ ...STEADY, name: `n${n}` })),
  );
  await Promise.all(all.map(({ id }) => lab.containers.start(id)));
  assert.equal(new Set(lab.containers.list().map(({ endpoints }) => endpoints[0]!.ipv4)).size, 50);
  clearInterval(timer);
  console.log(`the event loop waited ${longestMs.toFixed(1)} ms at most`);
  await removeAll();
});
