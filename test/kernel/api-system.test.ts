/**
 * @module What is neither a network nor a container: the daemon itself, volumes, the disk, logins, what Pontoon does not
 * do, and /pontoon/. Every answer is checked in each version of the description that is at hand.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { missingProgram, run, TestDaemon } from '../api/daemon.ts';

const VERSIONS = ['1.41', '1.44', '1.48', '1.55'];
const SLEEP = { Image: 'pontoon/busybox', Cmd: ['httpd', '-f', '-p', '80', '-h', '/etc'] };

let daemon: TestDaemon;

before(async () => {
  await run('ip', ['link', 'set', 'lo', 'up']);
  daemon = await TestDaemon.start();
});
after(() => daemon.stop());

/** Asks for what must succeed. */
// biome-ignore lint/suspicious/noExplicitAny: tests look at what they expect
async function post(path: string, body?: unknown, status = 200): Promise<any> {
  const answer = await daemon.call('POST', path, { body });
  assert.equal(answer.status, status, `${path}: ${answer.text}`);
  return answer.json;
}

async function fetchText(url: string): Promise<string> {
  const [response] = await once(get(url, { agent: false }), 'response');
  response.setEncoding('utf8');
  let body = '';
  for await (const chunk of response) body += chunk;
  return body.trim();
}

/** The server has just been started: it may not listen yet. */
async function fetchOnceUp(url: string): Promise<string> {
  for (;;) {
    try {
      return await fetchText(url);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED') throw error;
      await sleep(20);
    }
  }
}

describe('the daemon', { concurrency: false }, () => {
  test('answers pings before versions are agreed upon', async () => {
    const ping = await daemon.call('GET', '/_ping', { version: '' });
    assert.equal(ping.text, 'OK');
    const head = await daemon.call('HEAD', '/_ping', { version: '' });
    for (const { status, headers } of [ping, head]) {
      assert.equal(status, 200);
      assert.equal(headers['api-version'], '1.55');
      assert.equal(headers.ostype, 'linux');
      assert.equal(headers['cache-control'], 'no-cache, no-store, must-revalidate');
    }
  });

  test('shows itself, its volumes and its disk in every version', async () => {
    const volume = await post('/volumes/create', { Name: 'kept', Labels: { a: 'b' } }, 201);
    assert.equal(volume.Name, 'kept');
    await post('/containers/create?name=holder', { ...SLEEP, HostConfig: { Binds: ['kept:/kept'] } }, 201);
    for (const version of VERSIONS) {
      const paths = ['/version', '/info', '/system/df', '/volumes', '/volumes/kept', '/networks', '/networks/bridge'];
      for (const path of paths) await daemon.get(path, { version });
    }
    const { Components } = await daemon.get('/version');
    assert.equal(Components[0].Name, 'Engine');
    const info = await daemon.get('/info');
    assert.equal(info.Containers, 1);
    assert.equal(info.LiveRestoreEnabled, true);
    const { Volumes, LayersSize } = await daemon.get('/system/df');
    assert.deepEqual(Volumes[0].UsageData, { Size: 0, RefCount: 1 });
    assert.ok(LayersSize > 0);
    assert.deepEqual(Object.keys(await daemon.get('/system/df?type=volume')), ['Volumes']);
    const counts = await daemon.get('/system/df?type=volume', { version: '1.55' });
    assert.deepEqual(counts, { VolumeUsage: { ActiveCount: 1, TotalCount: 1, Reclaimable: 0, TotalSize: 0 } });
    assert.equal((await daemon.call('GET', '/system/df?type=nonsense')).status, 400);
  });

  test('keeps volumes in use, and prunes anonymous ones', async () => {
    const refused = await daemon.call('DELETE', '/volumes/kept');
    assert.equal(refused.status, 409);
    assert.match(refused.json.message, /^remove kept: volume is in use - \[[0-9a-f]{64}\]$/);
    const { Name } = await post('/volumes/create', {}, 201);
    assert.match(Name, /^[0-9a-f]{64}$/);
    await post('/volumes/create', { Name: 'named' }, 201);
    assert.deepEqual((await post('/volumes/prune')).VolumesDeleted, [Name]);
    const all = encodeURIComponent('{"all":["true"]}');
    assert.deepEqual((await post(`/volumes/prune?filters=${all}`)).VolumesDeleted, ['named']);
    assert.equal((await daemon.call('DELETE', '/containers/holder')).status, 204);
    assert.equal((await daemon.call('DELETE', '/volumes/kept')).status, 204);
    assert.equal((await daemon.call('DELETE', '/volumes/kept')).status, 404);
    assert.equal((await daemon.call('DELETE', '/volumes/kept?force=1')).status, 204);
  });

  test('says in a sentence what Pontoon does not do', async () => {
    const absent: [string, string][] = [
      ...(['/build', '/swarm/init', '/services/create', '/secrets/create'] as const).map(
        (path) => ['POST', path] as [string, string],
      ),
      ...(['/nodes', '/tasks', '/configs', '/distribution/a/b/json'] as const).map(
        (path) => ['GET', path] as [string, string],
      ),
    ];
    for (const [method, path] of absent) {
      const { status, json } = await daemon.call(method, path);
      assert.equal(status, 501, path);
      assert.match(json.message, /^Pontoon (has no|does not) /);
    }
    assert.deepEqual(await daemon.get('/plugins'), []);
  });

  test('asks the registry whether a password is right', { skip: missingProgram('skopeo') }, async () => {
    const right = `Basic ${Buffer.from('me:secret').toString('base64')}`;
    const registry = createServer(({ headers }, response) => {
      const status = headers.authorization === right ? 200 : 401;
      response.writeHead(status, { 'WWW-Authenticate': 'Basic realm="registry"' }).end('{}');
    });
    registry.listen(0, '127.0.0.1');
    await once(registry, 'listening');
    const serveraddress = `127.0.0.1:${(registry.address() as AddressInfo).port}`;
    const { Status } = await post('/auth', { username: 'me', password: 'secret', serveraddress });
    assert.equal(Status, 'Login Succeeded');
    const wrong = await daemon.call('POST', '/auth', { body: { username: 'me', password: 'guess', serveraddress } });
    assert.equal(wrong.status, 401);
    assert.match(wrong.json.message, /unauthorized: incorrect username or password/);
    const strange = { username: 'me', password: 'x', serveraddress: '--help' };
    assert.equal((await daemon.call('POST', '/auth', { body: strange })).status, 400);
    registry.close();
  });
});

describe('/pontoon/', { concurrency: false }, () => {
  test('a port of a running container is published, and taken away', async () => {
    await post('/containers/create?name=web', SLEEP, 201);
    await post('/containers/web/start', undefined, 204);
    const published = await post('/pontoon/containers/web/publish', {
      port: 80,
      hostPort: 8080,
      hostAddress: '127.0.0.1',
    });
    assert.deepEqual(published, [
      { protocol: 'tcp', port: [80, 80], hostPort: [8080, 8080], hostAddress: '127.0.0.1' },
    ]);
    assert.match(await fetchOnceUp('http://127.0.0.1:8080/hostname'), /^[0-9a-f]{12}$/);
    const { NetworkSettings } = await daemon.get('/containers/web/json');
    assert.deepEqual(NetworkSettings.Ports['80/tcp'], [{ HostIp: '127.0.0.1', HostPort: '8080' }]);
    const again = await daemon.call('POST', '/pontoon/containers/web/publish', { body: { port: 80, hostPort: 8080 } });
    assert.match(again.json.message, /port is already allocated/);
    assert.deepEqual(await post('/pontoon/containers/web/unpublish', { hostPort: 8080 }), published);
    await assert.rejects(fetchText('http://127.0.0.1:8080/hostname'));
    const gone = await daemon.call('POST', '/pontoon/containers/web/unpublish', { body: { hostPort: 8080 } });
    assert.equal(gone.status, 404);
    const wrong = await daemon.call('POST', '/pontoon/containers/web/publish', { body: { port: 'http' } });
    assert.equal(wrong.status, 400);
    assert.match(wrong.json.message, /port/);
  });

  test('the sandbox of a container is shown, and left to the container', async () => {
    const [sandbox] = await daemon.get('/pontoon/sandboxes');
    assert.equal(sandbox.name, 'web');
    for (const [method, path] of [
      ['POST', '/stop'],
      ['POST', '/start'],
      ['DELETE', ''],
    ] as const) {
      const { status, json } = await daemon.call(method, `/pontoon/sandboxes/web${path}`);
      assert.deepEqual([status, json.message], [409, 'web is a container: start, stop and remove it as one']);
    }
  });

  test('a sandbox of its own: made, joined, stopped, started, removed', async () => {
    await post('/networks/create', { Name: 'room', IPAM: { Config: [{ Subnet: '10.5.0.0/24' }] } }, 201);
    const endpoints = [{ network: 'bridge' }];
    const made = await post('/pontoon/sandboxes', { name: 'guest', endpoints }, 201);
    assert.equal(made.endpoints[0].networkName, 'bridge');
    const endpoint = await post('/pontoon/sandboxes/guest/attach', { network: 'room', ipv4: '10.5.0.9' });
    assert.equal(endpoint.ipv4, '10.5.0.9/24');
    await post('/pontoon/sandboxes/guest/stop', undefined, 204);
    assert.equal((await daemon.get('/pontoon/sandboxes/guest')).running, false);
    assert.equal((await post('/pontoon/sandboxes/guest/start')).running, true);
    await post('/pontoon/sandboxes/guest/detach', { network: 'room' }, 204);
    assert.equal((await daemon.call('POST', '/pontoon/sandboxes/guest/detach', { body: {} })).status, 400);
    assert.equal((await daemon.call('DELETE', '/pontoon/sandboxes/guest')).status, 204);
    assert.equal((await daemon.call('GET', '/pontoon/sandboxes/guest')).status, 404);
    const wrong = await daemon.call('POST', '/pontoon/sandboxes', { body: { name: 'x', nonsense: 1 } });
    assert.equal(wrong.status, 400);
    assert.match(wrong.json.message, /sandbox\.nonsense/);
  });

  test('what was changed by hand is repaired', async () => {
    assert.deepEqual((await post('/pontoon/reconcile')).repaired, []);
    const { Id } = await daemon.get('/networks/room');
    await run('ip', ['address', 'del', '10.5.0.1/24', 'dev', `br-${Id.slice(0, 12)}`]);
    assert.match((await post('/pontoon/reconcile')).repaired.join('\n'), /10\.5\.0\.1\/24/);
    assert.ok('repaired' in (await daemon.get('/pontoon/opening')));
  });

  test('all that happens is told, a line each', async () => {
    const socket = daemon.connect();
    socket.write('GET /pontoon/events HTTP/1.0\r\n\r\n');
    await once(socket, 'readable');
    const lines = createInterface(socket);
    await post('/networks/create', { Name: 'told' }, 201);
    for await (const line of lines) {
      if (!line.startsWith('{')) continue;
      const { type, action, attributes } = JSON.parse(line);
      assert.deepEqual({ type, action, name: attributes.name }, { type: 'network', action: 'create', name: 'told' });
      break;
    }
    socket.destroy();
  });
});
