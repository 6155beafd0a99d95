/**
 * @module A snapshot of a host with Pontoon itself: containers over the daemon's API, and sandboxes without a daemon by
 * what lies below its run root.
 */

import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openEngine } from '../../src/index.ts';
import { parseQuestion, resolveQuestion } from '../../src/observe/endpoints/index.ts';
import { takeSnapshot } from '../../src/observe/snapshot/take.ts';
import type { Snapshot } from '../../src/observe/snapshot/types.ts';
import { DockerShell } from '../support/docker.ts';

function resolve(snapshot: Snapshot, from: string, to: string) {
  const answer = resolveQuestion(snapshot, parseQuestion(from, to));
  return 'destination' in answer ? answer.destination.address.toString() : answer.cause;
}

test('containers of the daemon: names, networks, aliases and ports', async () => {
  const { daemon, docker } = await DockerShell.open();
  await using _ = daemon;
  await docker.run('docker network create front');
  await docker.run('docker run -d --name web --network front --network-alias www -p 8080:80 pontoon/busybox sleep 600');
  await docker.run('docker run -d --name db --network front pontoon/busybox sleep 600');
  await docker.run('docker run -d --name plain pontoon/busybox sleep 600');
  const runRoot = join(daemon.directory, 'run');
  const taken = await takeSnapshot({
    runRoot,
    containers: { pontoon: { socket: daemon.socketPath, pidFile: join(daemon.directory, 'pid') } },
  });
  assert.deepEqual(taken.notes, []);
  assert.deepEqual(taken.namespaces.map(({ name, owner }) => `${name} ${owner}`).toSorted(), [
    'db pontoon',
    'host host',
    'plain pontoon',
    'web pontoon',
  ]);
  const web = taken.containers.find(({ name }) => name === 'web');
  const address = await docker.out(
    "docker inspect --format '{{.NetworkSettings.Networks.front.IPAddress}}/{{.NetworkSettings.Networks.front.IPPrefixLen}}' web",
  );
  assert.deepEqual(web?.networks[0]?.addresses, [address.trim()]);
  assert.ok(web?.networks[0]?.aliases.includes('www'));
  assert.ok(web?.ports.some(({ hostPort, containerPort }) => hostPort === 8080 && containerPort === 80));
  const bridges = taken.namespaces[0]?.links.filter(({ kind }) => kind === 'bridge').map(({ name }) => name);
  for (const network of taken.networks.filter(({ driver }) => driver === 'bridge')) {
    assert.ok(bridges?.includes(network.bridge ?? ''), `${network.name}: ${network.bridge} in ${bridges}`);
  }
  assert.equal(resolve(taken, 'web', 'db'), resolve(taken, 'web', 'dns:db'));
  assert.equal(resolve(taken, 'web', 'dns:plain'), 'name-elsewhere');
  assert.equal(resolve(taken, 'db', 'dns:www'), address.trim().split('/')[0]);
});

test('sandboxes without a daemon, by their pins', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'pontoon-snapshot-'));
  const runRoot = join(directory, 'run');
  await using engine = await openEngine({ dataRoot: join(directory, 'data'), runRoot });
  await engine.createSandbox({ name: 'alone', endpoints: [{ network: 'bridge' }] });
  const { namespaces } = await takeSnapshot({ runRoot });
  const alone = namespaces.find(({ name }) => name === 'alone');
  assert.equal(alone?.owner, 'pontoon');
  assert.match(alone?.links.find(({ name }) => name === 'eth0')?.kind ?? '', /veth/);
  await engine.removeSandbox('alone');
});
