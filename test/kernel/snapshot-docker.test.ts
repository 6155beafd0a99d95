/**
 * @module A snapshot of a host with real Docker: names, networks and ports of its containers, from its files and over its
 * socket; what names mean to them; and all of it again when the daemon is gone.
 */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Address } from '../../src/ipam/index.ts';
import { parseQuestion, resolveQuestion } from '../../src/observe/endpoints/index.ts';
import { explainFlow } from '../../src/observe/explain/index.ts';
import { parseSnapshot } from '../../src/observe/snapshot/parse.ts';
import { redactSnapshot } from '../../src/observe/snapshot/redact/redact.ts';
import { takeSnapshot } from '../../src/observe/snapshot/take.ts';
import type { Container, Snapshot } from '../../src/observe/snapshot/types.ts';
import { type ForeignEngine, lacks, startDocker } from '../support/foreign-engines.ts';

const skip = lacks('dockerd', 'docker', 'busybox');
let docker: ForeignEngine;
let taken: Snapshot;

before(async () => {
  if (skip !== false) return;
  docker = await startDocker();
  docker.run('network', 'create', '--opt', 'com.docker.network.bridge.enable_icc=false', 'front');
  docker.run('network', 'create', '--internal', 'back');
  const run = (...words: string[]) => docker.run('run', '--detach', ...words, 'busybox', 'sleep', '600');
  run('--name', 'web', '--network', 'front', '--network-alias', 'www', '-p', '8080:80', '-p', '127.0.0.1:9000:90/udp');
  docker.run('network', 'connect', 'back', 'web');
  run('--name', 'db', '--network', 'back', '--label', 'tier=data');
  run('--name', 'plain');
  run('--name', 'guest', '--network', 'container:web');
  run('--name', 'hosty', '--network', 'host');
  docker.run('create', '--name', 'idle', '-p', '7000:70', 'busybox', 'sleep', '1');
  taken = await takeSnapshot();
});
after(async () => {
  if (skip === false) await docker[Symbol.asyncDispose]();
});

function container(name: string, snapshot = taken): Container {
  const found = snapshot.containers.find((one) => one.name === name);
  assert.ok(found, name);
  return found;
}

function resolve(from: string, to: string, snapshot = taken) {
  const answer = resolveQuestion(snapshot, parseQuestion(from, to));
  return 'destination' in answer ? answer.destination.address.toString() : answer.cause;
}

test('namespaces bear the names of their containers', { skip }, () => {
  const names = taken.namespaces.map(({ name, owner }) => `${name} ${owner}`);
  assert.deepEqual(names.toSorted(), ['db docker', 'host host', 'plain docker', 'web docker']);
  const shared = taken.namespaces.find(({ name }) => name === 'web');
  assert.deepEqual(
    shared?.names.slice(0, 2).map(({ name }) => name),
    ['web', 'guest'],
  );
  assert.equal(container('guest').namespace, shared?.id);
  assert.equal(container('hosty').namespace, taken.namespaces[0]?.id);
  assert.equal(container('idle').namespace, undefined);
  assert.deepEqual(taken.notes, []);
});

test('addresses, aliases and ports are those that docker shows', { skip }, () => {
  const web = container('web');
  const shown = (format: string) => docker.run('inspect', '--format', format, 'web');
  assert.equal(web.id, shown('{{.Id}}'));
  assert.equal(web.pid, Number(shown('{{.State.Pid}}')));
  const front = web.networks.find(({ network }) => network === 'front');
  const prefix = shown('{{with .NetworkSettings.Networks.front}}{{.IPAddress}}/{{.IPPrefixLen}}{{end}}');
  assert.deepEqual(front?.addresses, [prefix]);
  assert.ok(front?.aliases.includes('www'));
  assert.deepEqual(
    web.ports.map(({ protocol, hostAddress, hostPort, containerPort }) => [
      protocol,
      hostAddress,
      hostPort,
      containerPort,
    ]),
    [
      ['tcp', '0.0.0.0', 8080, 80],
      ['tcp', '::', 8080, 80],
      ['udp', '127.0.0.1', 9000, 90],
    ],
  );
  assert.deepEqual(container('idle').ports, [
    { protocol: 'tcp', hostAddress: '0.0.0.0', hostPort: 7000, containerPort: 70 },
  ]);
  assert.deepEqual([container('db').labels, container('db').state], [{ tier: 'data' }, 'running']);
  assert.deepEqual(web.resolver?.nameservers, ['127.0.0.11']);
});

test('networks, with the bridge of each', { skip }, () => {
  const network = (name: string) => taken.networks.find((one) => one.name === name);
  const bridges = taken.namespaces[0]?.links.filter(({ kind }) => kind === 'bridge').map(({ name }) => name) ?? [];
  for (const name of ['bridge', 'front', 'back']) assert.ok(bridges.includes(network(name)?.bridge ?? ''), name);
  assert.deepEqual([network('front')?.interContainer, network('front')?.internal], [false, undefined]);
  assert.deepEqual([network('back')?.interContainer, network('back')?.internal], [undefined, true]);
});

test("docker's rules are there in full; those that lead to its resolver, as nftables shows them", { skip }, () => {
  const of = (name: string) => taken.namespaces.find((one) => one.name === name);
  const saved = of('host')?.xtables.map(({ text }) => text);
  assert.match(saved?.join('') ?? '', /-A DOCKER .*--dport 8080 -j DNAT --to-destination/);
  assert.deepEqual(of('db')?.xtables, []);
  assert.match(JSON.stringify(of('db')?.nftables), /127\.0\.0\.11/);
});

test('a name means what the one who asks is told', { skip }, () => {
  const asked = (who: string, name: string) => {
    const answer = docker.run('exec', who, 'nslookup', name);
    return /Name:\s+\S+\s+Address(?: 1)?:\s+([\d.]+)/.exec(answer)?.[1];
  };
  for (const [who, name] of [
    ['web', 'db'],
    ['web', 'www'],
    ['guest', 'db'],
    ['db', 'web'],
  ] as const) {
    assert.equal(resolve(`docker:${who}`, `dns:${name}`), asked(who, name), `${name} for ${who}`);
  }
  assert.equal(resolve('docker:db', 'dns:www'), 'name-unknown');
  assert.equal(resolve('docker:db', 'dns:plain'), 'name-elsewhere');
  assert.equal(resolve('docker:plain', 'dns:db'), 'name-elsewhere');
  assert.equal(resolve('docker:plain', 'dns:nobody'), 'name-unknown');
  assert.throws(() => resolve('docker:web', 'docker:idle'), { code: 'namespace-not-found', message: /start it first/ });
});

test('a container is reached by the address on the network that both are on', { skip }, () => {
  const onBack = container('web')
    .networks.find(({ network }) => network === 'back')
    ?.addresses[0]?.split('/')[0];
  assert.equal(resolve('docker:db', 'docker:web'), onBack);
  assert.equal(resolve('docker:db', `docker:${container('web').id.slice(0, 12)}`), onBack);
});

test('redacted, it names nobody and means the same', { skip }, () => {
  const redacted = parseSnapshot(JSON.stringify(redactSnapshot(taken)));
  const text = JSON.stringify(redacted);
  for (const name of ['"web"', '"db"', '"www"', '"front"', '"back"', 'tier']) assert.ok(!text.includes(name), name);
  const explained = (snapshot: Snapshot, from: string, to: string) => {
    const target = snapshot.namespaces.find(({ id }) => id === to);
    const own = target?.addresses.find(({ scope, family }) => scope === 'global' && family === 4);
    const destination = Address.parse(own?.address ?? '');
    const { verdict, cause } = explainFlow(snapshot, {
      namespace: from,
      meant: to,
      destination,
      protocol: 'icmp',
      lengthBytes: 84,
    });
    return [verdict, cause];
  };
  for (const { id: from } of taken.namespaces) {
    for (const { id: to } of taken.namespaces) {
      assert.deepEqual(explained(redacted, from, to), explained(taken, from, to));
    }
  }
  const alias = (name: string) => redacted.containers.find(({ id }) => id === container(name).id)?.name;
  assert.equal(resolve(`docker:${alias('web')}`, `dns:${alias('db')}`, redacted), resolve('docker:web', 'dns:db'));
});

test('without its daemon, the files say nearly as much', { skip }, async () => {
  const { containers, networks } = await takeSnapshot({
    containers: { docker: { socket: '/nowhere', pidFile: '/nowhere', directory: '/var/lib/docker/containers' } },
  });
  assert.deepEqual(containers.map(({ name }) => name).toSorted(), taken.containers.map(({ name }) => name).toSorted());
  assert.ok(networks.some(({ name, bridge }) => name === 'front' && bridge?.startsWith('br-')));
  const socket = { socket: '/run/docker.sock', pidFile: '/run/docker.pid' };
  const asked = await takeSnapshot({ containers: { docker: socket } });
  assert.deepEqual(
    asked.containers.toSorted(byName).map(({ ports, networks: on }) => [ports, on]),
    taken.containers.toSorted(byName).map(({ ports, networks: on }) => [ports, on]),
  );
});

function byName(a: Container, b: Container): number {
  return a.name.localeCompare(b.name);
}
