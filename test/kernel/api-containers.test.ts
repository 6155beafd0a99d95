/**
 * @module Containers and images through the Engine API: every answer in the shape that the published description of its
 * version gives it, with the statuses and words that clients match.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { request } from 'node:http';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { run, TestDaemon } from '../api/daemon.ts';
import { until } from './support.ts';

const VERSIONS = ['1.41', '1.44', '1.48', '1.55'];
const IMAGE = 'pontoon/busybox';

let daemon: TestDaemon;

before(async () => {
  await run('ip', ['link', 'set', 'lo', 'up']);
  daemon = await TestDaemon.start();
});
after(() => daemon[Symbol.asyncDispose]());

/** A container that is removed with the scope. */
async function make(body: object = {}, { name = '', version = '1.48' } = {}) {
  const { json, text } = await daemon.call('POST', `/containers/create?name=${name}`, {
    version,
    body: { Image: IMAGE, Cmd: ['sleep', '1000'], ...body },
  });
  assert.match(json?.Id ?? text, /^[0-9a-f]{64}$/);
  const path = `/containers/${json.Id}`;
  return {
    id: json.Id as string,
    path,
    async [Symbol.asyncDispose]() {
      assert.equal((await daemon.call('DELETE', `${path}?force=1&v=1`)).status, 204);
    },
  };
}

async function start(container: { path: string }) {
  assert.equal((await daemon.call('POST', `${container.path}/start`)).status, 204);
}

for (const version of VERSIONS) {
  suite(`API ${version}`, () => {
    const call = (method: string, path: string, body?: unknown) =>
      daemon.call(method, path, { version, ...(body === undefined ? {} : { body }) });

    test('a container is shown, alone and in lists, from its beginning to its end', async () => {
      await daemon.call('POST', '/networks/create', { body: { Name: 'lan' } });
      {
        await using container = await make(
          {
            ExposedPorts: { '80/tcp': {}, '53/udp': {} },
            Healthcheck: { Test: ['CMD', 'true'], Interval: 1e9 },
            HostConfig: {
              NetworkMode: 'lan',
              PortBindings: { '80/tcp': [{ HostPort: '8090' }] },
              Binds: ['/tmp:/host:ro', 'vol:/vol'],
              Tmpfs: { '/scratch': 'size=1m' },
              Ulimits: [{ Name: 'nofile', Soft: 1000, Hard: 2000 }],
              Devices: [{ PathOnHost: '/dev/null', PathInContainer: '/dev/nothing', CgroupPermissions: 'r' }],
              Memory: 64 << 20,
              ExtraHosts: ['me:host-gateway'],
              CapAdd: ['NET_ADMIN'],
            },
            NetworkingConfig: { EndpointsConfig: { lan: { Aliases: ['www'] } } },
          },
          { version, name: 'shown' },
        );
        for (const path of [container.path, '/containers/shown', container.path.slice(0, -40)]) {
          const { json } = await call('GET', `${path}/json?size=1`);
          assert.equal(json.Id, container.id);
          assert.equal(json.State.Status, 'created');
        }
        await start(container);
        const { json } = await call('GET', `${container.path}/json`);
        assert.equal(json.State.Running, true);
        assert.equal(json.HostConfig.NetworkMode, 'lan');
        assert.equal(json.NetworkSettings.Ports['80/tcp'][0].HostPort, '8090');
        assert.equal(json.NetworkSettings.Networks.lan.Aliases.includes(container.id.slice(0, 12)), version < '1.45');
        assert.equal('IPAddress' in json.NetworkSettings, version < '1.52');
        const [listed] = (await call('GET', '/containers/json?size=1')).json;
        assert.equal(listed.Id, container.id);
        assert.deepEqual(listed.Ports.map(({ PublicPort }: { PublicPort?: number }) => PublicPort).toSorted(), [
          8090,
          8090,
          undefined,
        ]);
        assert.equal((await call('POST', `${container.path}/kill`)).status, 204);
        assert.equal((await call('POST', `${container.path}/wait`)).json.StatusCode, 137);
        assert.match((await call('GET', '/containers/json?all=1')).json[0].Status, /^Exited \(137\) /);
      }
      await daemon.call('DELETE', '/networks/lan');
      await daemon.call('DELETE', '/volumes/vol');
    });

    test('what runs in it is shown, counted and changed', async () => {
      await using container = await make({}, { version });
      await start(container);
      assert.equal((await call('GET', `${container.path}/top`)).json.Processes.length, 1);
      const { json: stats } = await call('GET', `${container.path}/stats?stream=0&one-shot=1`);
      assert.ok(stats.cpu_stats.cpu_usage.total_usage > 0);
      assert.equal((await call('POST', `${container.path}/update`, { Memory: 32 << 20 })).status, 200);
      assert.equal((await call('POST', `${container.path}/pause`)).status, 204);
      assert.equal((await call('POST', `${container.path}/unpause`)).status, 204);
      assert.equal((await call('POST', `${container.path}/restart?t=0`)).status, 204);
      const { json: exec } = await call('POST', `${container.path}/exec`, { Cmd: ['touch', '/new'] });
      assert.equal((await call('POST', `/exec/${exec.Id}/start`, { Detach: true })).status, 200);
      while ((await call('GET', `/exec/${exec.Id}/json`)).json.Running);
      assert.deepEqual((await call('GET', `${container.path}/changes`)).json, [{ Path: '/new', Kind: 1 }]);
      assert.equal((await call('HEAD', `${container.path}/archive?path=/new`)).status, 200);
      assert.equal((await call('POST', `${container.path}/stop?t=0`)).status, 204);
      assert.equal((await call('POST', `${container.path}/stop`)).status, 304);
      assert.equal((await call('GET', `${container.path}/stats?stream=0`)).status, 200);
    });

    test('images are shown, tagged and removed', async () => {
      const { json: images } = await call('GET', '/images/json');
      assert.ok(images.some(({ RepoTags }: { RepoTags: string[] }) => RepoTags.includes(`${IMAGE}:latest`)));
      assert.equal((await call('GET', `/images/${IMAGE}/json`)).json.Os, 'linux');
      assert.equal((await call('GET', `/images/${IMAGE}:latest/history`)).status, 200);
      assert.equal((await call('POST', `/images/${IMAGE}/tag?repo=other/name&tag=2`)).status, 201);
      assert.deepEqual((await call('DELETE', '/images/other/name:2')).json, [{ Untagged: 'other/name:2' }]);
    });

    test('prunes say what they removed', async () => {
      const { json } = await call('POST', '/containers/create', { Image: IMAGE, Cmd: ['true'] });
      assert.deepEqual((await call('POST', '/containers/prune')).json.ContainersDeleted, [json.Id]);
      assert.equal((await call('POST', '/images/prune')).json.SpaceReclaimed, 0);
    });
  });
}

suite('what is refused', () => {
  const create = { method: 'POST', path: '/containers/create' };
  const refusals: [what: string, status: number, words: RegExp, method: string, path: string, body?: object][] = [
    ['no body', 400, /Image is missing/, create.method, create.path, {}],
    ['a wrong type', 400, /field HostConfig\.Memory/, create.method, create.path, { HostConfig: { Memory: 'x' } }],
    ['a wrong type in a list', 400, /field Cmd/, create.method, create.path, { Cmd: [1] }],
    ['an unknown image', 404, /^No such image: nope/, create.method, create.path, { Image: 'nope' }],
    [
      'a bad name',
      400,
      /^Invalid container name/,
      create.method,
      `${create.path}?name=-`,
      { Image: IMAGE, Cmd: ['x'] },
    ],
    [
      'a network that is not there',
      400,
      /network nope not found/,
      create.method,
      create.path,
      { Image: IMAGE, HostConfig: { NetworkMode: 'nope' } },
    ],
    ['an unknown container', 404, /^No such container: nope$/, 'GET', '/containers/nope/json'],
    ['a start of one', 404, /^No such container: nope$/, 'POST', '/containers/nope/start'],
    ['a removal of one', 404, /^No such container: nope$/, 'DELETE', '/containers/nope'],
    ['logs of one', 404, /^No such container: nope$/, 'GET', '/containers/nope/logs?stdout=1'],
    ['an unknown exec', 404, /^No such exec instance: nope$/, 'GET', '/exec/nope/json'],
    ['a filter that is none', 400, /^invalid filter 'foo'/, 'GET', '/containers/json?filters={"foo":["a"]}'],
    ['filters that are no JSON', 400, /no JSON/, 'GET', '/containers/json?filters=foo'],
    ['a limit that is no number', 400, /'limit'/, 'GET', '/containers/json?limit=a'],
    ['an image to inspect', 404, /^No such image: nope/, 'GET', '/images/nope/json'],
    ['an image to remove', 404, /^No such image: nope/, 'DELETE', '/images/nope'],
    ['a bad tag', 400, /lowercase/, 'POST', `/images/${IMAGE}/tag?repo=FOO`],
    ['a commit', 501, /does not make images/, 'POST', '/commit?container=x'],
    ['a build', 501, /does not build images/, 'POST', '/build'],
    ['a search', 501, /does not search/, 'GET', '/images/search?term=x'],
    ['a WebSocket', 501, /WebSocket/, 'GET', '/containers/x/attach/ws'],
  ];
  for (const [what, status, words, method, path, body] of refusals) {
    test(what, async () => {
      const answer = await daemon.call(method, encodeURI(path), body === undefined ? {} : { body });
      assert.match(answer.json?.message ?? answer.text, words);
      assert.equal(answer.status, status);
    });
  }

  test('what a container’s state does not allow', async () => {
    await using container = await make({}, { name: 'state' });
    const refused = async (method: string, path: string, words: RegExp, body?: object) => {
      const answer = await daemon.call(method, `${container.path}${path}`, body === undefined ? {} : { body });
      assert.match(answer.json?.message ?? answer.text, words);
      assert.equal(answer.status, 409);
    };
    await refused('POST', '/kill', /is not running$/);
    await refused('POST', '/pause', /is not running$/);
    await refused('GET', '/top', /is not running$/);
    await refused('POST', '/exec', /is not running$/, { Cmd: ['true'] });
    await refused('POST', '/resize?h=1&w=1', /is not running$/);
    await start(container);
    await refused('DELETE', '', /You cannot remove a running container/);
    const taken = await daemon.call('POST', '/containers/create?name=state', { body: { Image: IMAGE } });
    assert.equal(taken.status, 409);
    assert.match(taken.json.message, /^Conflict\. The container name "\/state" is already in use by container "/);
  });
});

suite('what goes on', () => {
  /** The answer as soon as its head is there. */
  async function open(method: string, path: string) {
    const sent = request({ socketPath: daemon.socketPath, method, path, agent: false });
    sent.end();
    const [response] = await once(sent, 'response');
    return { response, sent };
  }

  test('a wait answers at once, and tells the end later', async () => {
    await using container = await make();
    await start(container);
    const { response } = await open('POST', `/v1.48${container.path}/wait?condition=next-exit`);
    assert.equal(response.statusCode, 200);
    await daemon.call('POST', `${container.path}/kill`);
    const [data] = await once(response, 'data');
    assert.deepEqual(JSON.parse(String(data)), { StatusCode: 137 });
  });

  test('followed logs end with the container, or with the client', async () => {
    await using container = await make({ Cmd: ['sh', '-c', 'echo begun; exec sleep 1000'], Tty: true });
    await start(container);
    const left = await open('GET', `/v1.48${container.path}/logs?stdout=1&follow=1`);
    await once(left.response, 'data');
    left.sent.destroy();
    const { response } = await open('GET', `/v1.48${container.path}/logs?stdout=1&follow=1`);
    const [data] = await once(response, 'data');
    assert.equal(String(data), 'begun\r\n');
    await daemon.call('POST', `${container.path}/kill`);
    response.resume();
    await once(response, 'end');
  });

  test('stats come every second until the client goes', async () => {
    await using container = await make();
    await start(container);
    const { response, sent } = await open('GET', `/v1.48${container.path}/stats`);
    let said = '';
    response.on('data', (data: Buffer) => {
      said += data;
    });
    while (said.split('\n').length < 3) await once(response, 'data');
    const [first, second] = said.split('\n', 2).map((line) => JSON.parse(line));
    assert.equal(second.preread, first.read);
    sent.destroy();
  });

  test('whoever has said all at a terminal of an exec hears no more', async () => {
    await using container = await make();
    await start(container);
    const body = { Cmd: ['sh', '-c', 'echo begun; exec sleep 1000'], Tty: true, AttachStdin: true, AttachStdout: true };
    const { json } = await daemon.call('POST', `${container.path}/exec`, { body });
    const socket = daemon.connect();
    const head = `POST /v1.48/exec/${json.Id}/start HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n`;
    socket.write(`${head}Content-Type: application/json\r\nContent-Length: 12\r\n\r\n{"Tty":true}`);
    let answer = '';
    for await (const data of socket) {
      answer += data;
      if (answer.endsWith('begun\r\n')) socket.end();
    }
    assert.match(answer, /^HTTP\/1\.1 101 [\s\S]*\r\n\r\nbegun\r\n$/);
    assert.equal((await daemon.get(`/exec/${json.Id}/json`)).Running, true);
    assert.deepEqual((await daemon.get(`${container.path}/json`)).ExecIDs, [json.Id]);
  });

  test('the detach keys end an attach and an exec, and nothing else', async () => {
    await using container = await make({ Cmd: ['sh', '-c', 'echo begun; exec cat'], Tty: true, OpenStdin: true });
    const sinceS = Date.now() / 1000;
    await start(container);
    const leave = async (path: string, keys: string, body = '{}'): Promise<void> => {
      const socket = daemon.connect();
      const head = `POST /v1.48${path} HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n`;
      socket.write(`${head}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
      await once(socket, 'data');
      socket.write(`typed${keys}`);
      for await (const _data of socket); // until the daemon ends it
    };
    const attach = `${container.path}/attach?stream=1&stdin=1&stdout=1`;
    await leave(attach, '\x10\x11');
    await leave(`${attach}&detachKeys=ctrl-x,y`, '\x18y');
    const body = { Cmd: ['cat'], Tty: true, AttachStdin: true, AttachStdout: true, DetachKeys: '^' };
    const { json } = await daemon.call('POST', `${container.path}/exec`, { body });
    await leave(`/exec/${json.Id}/start`, '^', '{"Tty":true}');
    assert.equal((await daemon.get(`${container.path}/json`)).State.Running, true);
    assert.equal((await daemon.get(`/exec/${json.Id}/json`)).Running, true);
    const { text } = await daemon.call('GET', `/events?since=${sinceS}&until=${Date.now() / 1000}`);
    const actions = [...text.matchAll(/"Action":"(\w*detach)"/g)].map(([, action]) => action);
    assert.deepEqual(actions, ['detach', 'detach', 'exec_detach']);
    for (const [path, sent] of [
      [`${attach}&detachKeys=foo`, undefined],
      [`${container.path}/exec`, { ...body, DetachKeys: 'foo' }],
    ] as const) {
      const refused = await daemon.call('POST', path, { body: sent });
      assert.deepEqual([refused.status, /no key 'foo'/.test(refused.json.message)], [400, true]);
    }
  });

  test('clients that vanish in mid-attach and mid-exec leave no descriptor open', async () => {
    await using container = await make({ OpenStdin: true });
    await start(container);
    const descriptors = (): number => readdirSync(`/proc/${daemon.process.pid}/fd`).length;
    const vanish = async (path: string, halfClose: boolean) => {
      const socket = daemon.connect();
      const head = `POST /v1.48${path} HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n`;
      socket.write(`${head}Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`);
      const [answer] = await once(socket, 'data');
      assert.match(String(answer), /^HTTP\/1\.1 101 /);
      if (halfClose) await new Promise<void>((resolve) => socket.end(resolve));
      socket.destroy();
    };
    const attach = `${container.path}/attach?stream=1&stdin=1&stdout=1&stderr=1`;
    await vanish(attach, false);
    await sleep(1500);
    const before = descriptors();
    for (const halfClose of [false, true, false, true]) {
      await vanish(attach, halfClose);
      const body = { Cmd: ['sleep', '0.5'], AttachStdout: true };
      const { json } = await daemon.call('POST', `${container.path}/exec`, { body });
      await vanish(`/exec/${json.Id}/start`, halfClose);
    }
    await until(() => descriptors() <= before, 'as many descriptors as before');
  });

  test('the daemon has nobody left to answer, and has had no surprise', async () => {
    assert.doesNotMatch(daemon.log, /"level":[56]0/);
  });
});

test('an image of another platform than the one asked for is not found', async () => {
  const body = { Image: IMAGE };
  const { status, json } = await daemon.call('POST', '/containers/create?platform=linux/m68k', { body });
  assert.equal(status, 404);
  assert.match(json.message, /its platform \(linux\/\w+\) does not match the specified platform \(linux\/m68k\)/);
});
