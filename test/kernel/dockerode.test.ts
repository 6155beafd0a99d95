/** @module dockerode, the SDK that Node.js programs use, against `pontoon daemon`. */

import assert from 'node:assert/strict';
import { PassThrough, type Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { after, before, suite, test } from 'node:test';
import Docker from 'dockerode';
import tar from 'tar-stream';
import { run, TestDaemon } from '../api/daemon.ts';

const IMAGE = 'pontoon/busybox';

let daemon: TestDaemon;
let docker: Docker;

before(async () => {
  // A new network namespace's loopback is down, and ports are published on it.
  await run('ip', ['link', 'set', 'lo', 'up']);
  daemon = await TestDaemon.start();
  docker = new Docker({ socketPath: daemon.socketPath });
});
after(() => daemon[Symbol.asyncDispose]());

/** A container that is removed with the scope. */
async function make(options: Docker.ContainerCreateOptions) {
  const container = await docker.createContainer({ Image: IMAGE, ...options });
  return Object.assign(container, { [Symbol.asyncDispose]: () => container.remove({ force: true, v: true }) });
}

async function sleeper(options: Docker.ContainerCreateOptions = {}) {
  const container = await make({ Cmd: ['sleep', '1000'], ...options });
  try {
    await container.start();
  } catch (error) {
    await container[Symbol.asyncDispose]();
    throw error;
  }
  return container;
}

async function separate(stream: Readable): Promise<{ stdout: string; stderr: string }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  docker.modem.demuxStream(stream, stdout, stderr);
  stream.once('end', () => {
    stdout.end();
    stderr.end();
  });
  const [first, second] = await Promise.all([text(stdout), text(stderr)]);
  return { stdout: first, stderr: second };
}

async function exec(container: Docker.Container, Cmd: string[], more: Docker.ExecCreateOptions = {}) {
  const running = await container.exec({ Cmd, AttachStdout: true, AttachStderr: true, ...more });
  const output = await separate(await running.start({}));
  return { ...output, status: (await running.inspect()).ExitCode };
}

suite('a container’s life', () => {
  test('is created, started, stopped, started again and removed', async () => {
    await using container = await make({
      name: 'life',
      Cmd: ['sleep', '1000'],
      Labels: { a: 'b' },
      StopSignal: 'SIGKILL',
    });
    assert.equal((await container.inspect()).State.Status, 'created');
    await container.start();
    const { State, Name, Config } = await container.inspect();
    assert.equal(State.Status, 'running');
    assert.ok(State.Pid > 0);
    assert.equal(Name, '/life');
    assert.equal(Config.Labels.a, 'b');
    await assert.rejects(container.start(), { statusCode: 304 });
    await container.stop();
    assert.equal((await container.inspect()).State.ExitCode, 137);
    await assert.rejects(container.stop(), { statusCode: 304 });
    await container.start();
    await assert.rejects(container.remove(), { statusCode: 409 });
  });

  test('has an exit code, for which one waits', async () => {
    await using container = await make({ Cmd: ['sh', '-c', 'exit 7'] });
    const waiting = container.wait({ condition: 'next-exit' });
    await container.start();
    assert.deepEqual(await waiting, { StatusCode: 7 });
  });

  test('is paused, renamed, limited, killed', async () => {
    await using container = await sleeper({ HostConfig: { Memory: 64 << 20 } });
    await container.pause();
    assert.equal((await container.inspect()).State.Paused, true);
    await container.unpause();
    await container.rename({ name: 'renamed' });
    assert.equal((await docker.getContainer('renamed').inspect()).Id, container.id);
    await container.update({ Memory: 32 << 20, MemorySwap: 64 << 20 });
    assert.equal((await container.inspect()).HostConfig.Memory, 32 << 20);
    await container.kill({ signal: 'SIGKILL' });
    await container.wait();
    assert.equal((await container.inspect()).State.ExitCode, 137);
  });

  test('is refused with the status and the words that clients know', async () => {
    await using container = await sleeper({ name: 'known' });
    const refused = async (doing: Promise<unknown>, statusCode: number, words: RegExp) => {
      const error = await doing.then(
        () => assert.fail('it was not refused'),
        (reason: { statusCode: number; json: { message: string } }) => reason,
      );
      assert.match(error.json.message, words);
      assert.equal(error.statusCode, statusCode);
    };
    await refused(docker.createContainer({ Image: 'nope' }), 404, /^No such image: nope/);
    await refused(make({ name: 'known' }), 409, /^Conflict\. The container name "\/known" is already in use/);
    await refused(docker.getContainer('nope').start(), 404, /^No such container: nope/);
    await refused(container.unpause(), 409, /is not paused/);
    await refused(container.exec({}), 400, /No exec command specified/);
    await refused(docker.getExec('nope').inspect(), 404, /^No such exec instance: nope/);
    await refused(make({ HostConfig: { NetworkMode: 'nope' } }), 400, /nope/);
    await refused(make({ HostConfig: { Memory: 'x' as never } }), 400, /HostConfig\.Memory/);
  });
});

suite('what a container says and hears', () => {
  test('logs come with stream, time and the last lines', async () => {
    await using container = await make({ Cmd: ['sh', '-c', 'echo one; echo two >&2; sleep 0.2; echo three'] });
    await container.start();
    await container.wait();
    const all = await container.logs({ stdout: true, stderr: true, follow: true });
    assert.deepEqual(await separate(all as Readable), { stdout: 'one\nthree\n', stderr: 'two\n' });
    const last = (await container.logs({ stdout: true, stderr: true, tail: 1, timestamps: true })) as Buffer;
    assert.match(last.subarray(8).toString(), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z three\n$/);
  });

  test('one attaches before it starts, and its input ends when the client’s does', async () => {
    await using container = await make({ Cmd: ['wc', '-c'], OpenStdin: true, StdinOnce: true });
    const stream = await container.attach({ stream: true, stdin: true, stdout: true, stderr: true, hijack: true });
    const output = separate(stream as unknown as Readable);
    await container.start();
    stream.end('12345');
    assert.equal((await output).stdout, '5\n');
    assert.deepEqual(await container.wait(), { StatusCode: 0 });
  });

  test('a terminal is raw, and has the size that it is given', async () => {
    await using container = await make({ Cmd: ['sh', '-c', 'read x; stty size; tty'], Tty: true, OpenStdin: true });
    const stream = await container.attach({ stream: true, stdin: true, stdout: true, hijack: true });
    const output = text(stream);
    await container.start();
    await container.resize({ h: 33, w: 77 });
    stream.write('\n');
    assert.match(await output, /33 77\r\n\/dev\/pts\/\d+\r\n$/);
  });

  test('exec runs another process, with output, input, user and status', async () => {
    await using container = await sleeper();
    assert.deepEqual(await exec(container, ['sh', '-c', 'echo $A; echo no >&2; exit 4'], { Env: ['A=b'] }), {
      stdout: 'b\n',
      stderr: 'no\n',
      status: 4,
    });
    assert.equal((await exec(container, ['id', '-u'], { User: '12' })).stdout, '12\n');
    assert.equal((await exec(container, ['pwd'], { WorkingDir: '/tmp' })).stdout, '/tmp\n');
    const counting = await container.exec({ Cmd: ['wc', '-c'], AttachStdin: true, AttachStdout: true });
    const stream = await counting.start({ hijack: true, stdin: true });
    const output = separate(stream);
    stream.end('123');
    assert.equal((await output).stdout, '3\n');
  });

  test('exec of what is not there says so, with status 127', async () => {
    await using container = await sleeper();
    const { stdout, status } = await exec(container, ['nope']);
    assert.match(stdout, /nope/);
    assert.equal(status, 127);
  });

  test('a client that vanishes in mid-attach leaves nothing', async () => {
    await using container = await sleeper({ OpenStdin: true });
    const stream = await container.attach({ stream: true, stdin: true, stdout: true, hijack: true });
    (stream as unknown as { destroy(): void }).destroy();
    assert.equal((await container.inspect()).State.Running, true);
    const again = await container.attach({ stream: true, stdout: true });
    await container.kill();
    again.resume();
    await new Promise((resolve) => again.once('end', resolve));
  });
});

suite('what a container is', () => {
  test('its networks, ports, mounts and limits are shown', async () => {
    const network = await docker.createNetwork({
      Name: 'lan',
      IPAM: { Driver: 'default', Config: [{ Subnet: '10.77.0.0/24' }] },
    });
    const volume = await docker.createVolume({ Name: 'kept' });
    {
      await using container = await sleeper({
        ExposedPorts: { '80/tcp': {}, '53/udp': {} },
        HostConfig: {
          NetworkMode: 'lan',
          Binds: ['kept:/data', '/tmp:/host:ro'],
          PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '8089' }] },
          RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 2 },
        },
        NetworkingConfig: { EndpointsConfig: { lan: { Aliases: ['www'], IPAMConfig: { IPv4Address: '10.77.0.9' } } } },
      });
      const shown = await container.inspect();
      assert.equal(shown.NetworkSettings.Networks.lan?.IPAddress, '10.77.0.9');
      assert.deepEqual(shown.NetworkSettings.Networks.lan?.IPAMConfig, { IPv4Address: '10.77.0.9' });
      assert.deepEqual(shown.NetworkSettings.Networks.lan?.Aliases, ['www']);
      assert.deepEqual(shown.NetworkSettings.Ports['80/tcp'], [{ HostIp: '127.0.0.1', HostPort: '8089' }]);
      assert.equal(shown.NetworkSettings.Ports['53/udp'], null);
      assert.deepEqual(shown.Mounts.map(({ Destination, Type, RW }) => [Destination, Type, RW]).sort(), [
        ['/data', 'volume', true],
        ['/host', 'bind', false],
      ]);
      assert.equal(shown.HostConfig.RestartPolicy?.MaximumRetryCount, 2);
      const [listed] = await docker.listContainers({ filters: { network: ['lan'], publish: ['8089'] } });
      assert.equal(listed?.Id, container.id);
      assert.match(listed?.Status ?? '', /^Up /);
    }
    await network.remove();
    await volume.remove();
  });

  test('lists are filtered', async () => {
    await using running = await sleeper({ name: 'one', Labels: { kind: 'a' } });
    await using ended = await make({ name: 'two', Labels: { kind: 'b' }, Cmd: ['false'] });
    await ended.start();
    await ended.wait();
    const ids = async (filters: object, all = true) =>
      (await docker.listContainers({ all, filters: JSON.stringify(filters) })).map(({ Id }) => Id);
    assert.deepEqual(await ids({}, false), [running.id]);
    assert.deepEqual(await ids({ name: ['two'] }), [ended.id]);
    assert.deepEqual(await ids({ label: ['kind=a'] }), [running.id]);
    assert.deepEqual(await ids({ status: ['exited'] }, false), [ended.id]);
    assert.deepEqual(await ids({ exited: ['1'] }), [ended.id]);
    assert.deepEqual(await ids({ since: ['one'] }), [ended.id]);
    assert.deepEqual(await ids({ ancestor: [IMAGE] }), [ended.id, running.id]);
    assert.equal((await docker.listContainers({ all: true, limit: 1 })).length, 1);
  });

  test('its processes and what it uses', async () => {
    await using container = await sleeper();
    const command = async (): Promise<string | undefined> => {
      const { Titles, Processes } = await container.top();
      return Processes[0]?.[Titles.indexOf('CMD')];
    };
    // A start is over when the runtime lets the process go, which is its own until it executes the command.
    let shown = await command();
    while (/^\S*(crun|runc) /.test(shown ?? '')) shown = await command();
    assert.equal(shown, 'sleep 1000');
    const stats = await container.stats({ stream: false });
    assert.ok(stats.memory_stats.usage > 0);
    assert.equal(stats.pids_stats?.current, 1);
    assert.ok(stats.precpu_stats.cpu_usage.total_usage > 0);
    assert.deepEqual(Object.keys(stats.networks), ['eth0']);
  });

  test('its files come and go as archives', async () => {
    await using container = await sleeper();
    const pack = tar.pack();
    pack.entry({ name: 'note', mode: 0o640 }, 'text');
    pack.finalize();
    await container.putArchive(pack as unknown as NodeJS.ReadableStream, { path: '/tmp' });
    assert.equal((await exec(container, ['cat', '/tmp/note'])).stdout, 'text');
    const extract = tar.extract();
    const archive = await container.getArchive({ path: '/tmp/note' });
    archive.pipe(extract);
    for await (const entry of extract) {
      assert.equal(entry.header.name, 'note');
      assert.equal((await buffer(entry)).toString(), 'text');
    }
    const changes = (await container.changes()) as { Path: string; Kind: number }[];
    assert.ok(changes.some(({ Path, Kind }) => Path === '/tmp/note' && Kind === 1));
  });
});

suite('images', () => {
  test('are listed, tagged, saved, removed and loaded again', async () => {
    const image = docker.getImage(IMAGE);
    await image.tag({ repo: 'copy', tag: '1' });
    const { Id, RepoTags } = await docker.getImage('copy:1').inspect();
    assert.ok(RepoTags.includes('copy:1'));
    const [listed] = await docker.listImages({ filters: { reference: ['copy'] } });
    assert.equal(listed?.Id, Id);
    const archive = await buffer(await docker.getImage('copy:1').get());
    assert.deepEqual(await docker.getImage('copy:1').remove(), [{ Untagged: 'copy:1' }]);
    assert.match(await text(await docker.loadImage(PassThrough.from([archive]) as never)), /Loaded image: copy:1/);
    assert.ok((await docker.getImage('copy:1').history()).length > 0);
    await docker.getImage('copy:1').remove();
    await assert.rejects(docker.getImage('copy:1').inspect(), { statusCode: 404 });
  });

  test('a pull that fails says why', async () => {
    const lines = await text(await docker.pull('127.0.0.1:1/nope'));
    const { errorDetail } = JSON.parse(lines.trim().split('\n').at(-1)!) as { errorDetail: { message: string } };
    assert.match(errorDetail.message, /127\.0\.0\.1:1/);
    assert.deepEqual(await docker.listImages({ filters: { reference: ['127.0.0.1:1/nope'] } }), []);
  });
});
