/**
 * @module A snapshot of a host with real Podman: names, networks and ports of its containers, what names mean to them, and
 * what is left to see where the program itself is missing.
 */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { parseQuestion, resolveQuestion } from '../../src/observe/endpoints/index.ts';
import { takeSnapshot } from '../../src/observe/snapshot/take.ts';
import type { Container, Snapshot } from '../../src/observe/snapshot/types.ts';
import { type ForeignEngine, lacks, PODMAN_RUN, startPodman } from '../support/foreign-engines.ts';

const skip = lacks('podman', 'conmon', 'crun', 'busybox');
let podman: ForeignEngine;
let taken: Snapshot;

before(async () => {
  if (skip !== false) return;
  podman = startPodman();
  podman.run('network', 'create', 'front');
  const run = (...words: string[]) => podman.run(...PODMAN_RUN, ...words, 'busybox', 'sleep', '600');
  run('--name', 'web', '--network', 'front', '--network-alias', 'www', '-p', '8080:80');
  run('--name', 'db', '--network', 'front');
  run('--name', 'plain');
  run('--name', 'guest', '--network', 'container:web');
  taken = await takeSnapshot();
});
after(async () => {
  if (skip === false) await podman[Symbol.asyncDispose]();
});

function container(name: string): Container {
  const found = taken.containers.find((one) => one.name === name);
  assert.ok(found, name);
  return found;
}

function resolve(from: string, to: string) {
  const answer = resolveQuestion(taken, parseQuestion(from, to));
  return 'destination' in answer ? answer.destination.address.toString() : answer.cause;
}

test('namespaces bear the names of their containers', { skip }, () => {
  const names = taken.namespaces.map(({ name, owner }) => `${name} ${owner}`);
  assert.deepEqual(names.toSorted(), ['db podman', 'host host', 'plain podman', 'web podman']);
  assert.equal(container('guest').namespace, container('web').namespace);
  assert.deepEqual(taken.notes, []);
});

test('addresses, aliases and ports are those that podman shows', { skip }, () => {
  const web = container('web');
  const shown = (format: string) => podman.run('inspect', '--format', format, 'web');
  assert.equal(web.pid, Number(shown('{{.State.Pid}}')));
  const [front] = web.networks;
  assert.deepEqual(front?.addresses, [`${shown('{{.NetworkSettings.Networks.front.IPAddress}}')}/24`]);
  assert.ok(front?.aliases.includes('www'));
  assert.deepEqual(web.ports, [{ protocol: 'tcp', hostAddress: '0.0.0.0', hostPort: 8080, containerPort: 80 }]);
  assert.deepEqual([container('guest').ports, container('guest').networks], [[], []]);
});

test('networks, with the bridge of each', { skip }, () => {
  const bridges = taken.namespaces[0]?.links.filter(({ kind }) => kind === 'bridge').map(({ name }) => name);
  for (const name of ['front', 'podman']) {
    const network = taken.networks.find((one) => one.name === name);
    assert.ok(bridges?.includes(network?.bridge ?? ''), `${name} ${bridges}`);
    assert.ok(network?.subnets[0]?.gateway);
  }
});

test('a name means a container of the same network', { skip }, () => {
  const address = (name: string) => container(name).networks[0]?.addresses[0]?.split('/')[0];
  assert.equal(resolve('podman:db', 'dns:www'), address('web'));
  assert.equal(resolve('podman:guest', 'dns:db'), address('db'));
  assert.equal(resolve('podman:web', 'dns:plain'), 'name-elsewhere');
  assert.equal(resolve('podman:db', 'podman:web'), address('web'));
});

test('without the program, names and processes are still known', { skip }, async () => {
  const path = process.env.PATH;
  process.env.PATH = '/nowhere';
  try {
    const { containers, notes } = await takeSnapshot();
    const seen = (one: Container) => [one.name, one.pid, one.namespace];
    assert.deepEqual(containers.map(seen).sort(), taken.containers.map(seen).sort());
    assert.ok(notes.some(({ what, message }) => what === 'containers' && message.includes('podman container inspect')));
  } finally {
    process.env.PATH = path;
  }
});
