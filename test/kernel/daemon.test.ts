/**
 * @module The daemon's life, as scripts and service managers see it: what it is told, whom it lets in, how it starts,
 * reloads and ends, and that what it keeps is there again.
 */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { request } from 'node:https';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import * as ffi from '../../src/kernel/ffi.ts';
import { missingProgram, newDirectory, type Outcome, PONTOON, rootFlags, run, TestDaemon } from '../api/daemon.ts';

/** A whole minute more than any of this takes: it only ends what hangs. */
const PATIENCE_MS = 60_000;

/** Runs `pontoon daemon` with flags with which it does not serve. */
function refused(...flags: string[]): Promise<Outcome> {
  return run(PONTOON, ['daemon', ...rootFlags(newDirectory()), ...flags]);
}

function configFile(content: unknown): string {
  const path = join(newDirectory(), 'daemon.json');
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

describe('what it is told', () => {
  test('--validate says that all is well, and starts nothing', async () => {
    const path = configFile({
      mtu: 1400,
      labels: ['a=b'],
      'default-address-pools': [{ base: '10.0.0.0/8', size: 24 }],
    });
    const directory = newDirectory();
    const outcome = await run(PONTOON, ['daemon', ...rootFlags(directory), '--config-file', path, '--validate']);
    assert.deepEqual(outcome, { status: 0, stdout: 'configuration OK\n', stderr: '' });
    assert.ok(!existsSync(join(directory, 'data')));
  });

  const mistakes: [string, string[], RegExp][] = [
    [
      'a setting in both places',
      ['--config-file', configFile({ mtu: 1400 }), '--mtu', '1500'],
      /both as a flag and in the configuration file: mtu: \(from flag: 1500, from file: 1400\)/,
    ],
    [
      'a list in both places',
      ['--config-file', configFile({ labels: ['a=b'] }), '--label', 'c=d'],
      /both as a flag .*labels/,
    ],
    [
      'an unknown key',
      ['--config-file', configFile({ nonsense: 1 })],
      /don't match any configuration option: nonsense/,
    ],
    ['a wrong type', ['--config-file', configFile({ mtu: 'large' })], /mtu cannot be "large": give a whole number/],
    ['no JSON', ['--config-file', configFile('{')], /is no JSON/],
    ['no file', ['--config-file', '/nowhere/daemon.json'], /there is no configuration file \/nowhere\/daemon.json/],
    ['TCP for everybody', ['--host', 'tcp://127.0.0.1:2375'], /TCP needs client certificates: give --tlsverify/],
    [
      'TLS without verification',
      ['--host', 'tcp://127.0.0.1:2375', '--tls', '--tlscert', 'c', '--tlskey', 'k'],
      /TCP needs client certificates/,
    ],
    ['a strange host', ['--host', 'http://x'], /cannot listen on 'http:\/\/x'/],
    ['a strange level', ['--log-level', 'loud'], /log-level cannot be 'loud'/],
    ['a wrong address', ['--bip', '172.17.0.300/16'], /172\.17\.0\.300/],
    ['no socket from the service manager', ['--host', 'fd://'], /start pontoon\.socket/],
    [
      'no such group',
      ['--host', `unix://${join(newDirectory(), 's')}`, '--group', 'nobody-knows-it'],
      /no group 'nobody-knows-it'/,
    ],
  ];
  for (const [what, flags, message] of mistakes) {
    test(`${what} is refused in one line`, async () => {
      const { status, stderr } = await refused(...flags);
      assert.notEqual(status, 0);
      const complaint = stderr.split('\n').filter((line) => line.startsWith('pontoon: '));
      assert.equal(complaint.length, 1, stderr);
      assert.match(complaint[0]!, message);
    });
  }

  test('flags of dockerd that mean nothing here are accepted, each with a line in the log', async () => {
    await using daemon = await TestDaemon.start([
      ...['--ip6tables=false', '--userland-proxy=false', '--live-restore', '--containerd-namespace', 'x'],
      ...[
        '--storage-driver=overlay2',
        '--oom-score-adjust=-500',
        '--log-format',
        'text',
        '--swarm-default-advertise-addr=eth0',
      ],
    ]);
    for (const key of [
      'ip6tables',
      'userland-proxy',
      'live-restore',
      'containerd-namespace',
      'storage-driver',
      'oom-score-adjust',
    ]) {
      assert.match(daemon.log, new RegExp(`"${key} is accepted and has no effect: `));
    }
    for (const line of daemon.log.trim().split('\n')) assert.equal(typeof JSON.parse(line).msg, 'string');
  });

  test('the default network is made as told', async () => {
    await using daemon = await TestDaemon.start([
      ...['--bip', '192.168.77.1/24', '--fixed-cidr', '192.168.77.128/25', '--mtu', '1400', '--icc=false'],
      ...['--bridge', 'told0', '--ip', '127.0.0.1', '--ipv6', '--fixed-cidr-v6', 'fd00:77::/64'],
      ...['--default-address-pool', 'base=10.200.0.0/16,size=28'],
      ...['--default-network-opt', 'bridge=com.docker.network.driver.mtu=1300'],
    ]);
    const { IPAM, Options, EnableIPv6 } = await daemon.get('/networks/bridge');
    assert.deepEqual(IPAM.Config, [
      { Subnet: '192.168.77.0/24', IPRange: '192.168.77.128/25', Gateway: '192.168.77.1' },
      { Subnet: 'fd00:77::/64', Gateway: 'fd00:77::1' },
    ]);
    assert.equal(EnableIPv6, true);
    assert.equal(Options['com.docker.network.bridge.name'], 'told0');
    assert.equal(Options['com.docker.network.bridge.enable_icc'], 'false');
    assert.equal(Options['com.docker.network.driver.mtu'], '1400');
    assert.equal(Options['com.docker.network.bridge.host_binding_ipv4'], '127.0.0.1');
    await daemon.call('POST', '/networks/create', { body: { Name: 'next' } });
    const next = await daemon.get('/networks/next');
    assert.equal(next.IPAM.Config[0].Subnet, '10.200.0.0/28');
    assert.equal(next.Options['com.docker.network.driver.mtu'], '1300');
  });

  test('containers get what they do not ask for', { skip: missingProgram('docker') }, async () => {
    const profile = configFile({
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 38 }],
    });
    const proxies = { 'http-proxy': 'http://me:secret@proxy.test:3128', 'no-proxy': 'registry.test' };
    await using daemon = await TestDaemon.start([
      ...['--config-file', configFile({ proxies, 'seccomp-profile': profile })],
      ...['--default-ulimit', 'nofile=99:100', '--default-shm-size', '1m', '--log-driver', 'none'],
      ...['--default-ipc-mode', 'shareable', '--host-gateway-ip', '10.9.9.9', '--host-gateway-ip', 'fd00::9'],
    ]);
    const inside = async (...words: string[]): Promise<string> => {
      const { stdout, stderr } = await daemon.docker('run', '--rm', ...words);
      return stdout + stderr;
    };
    const script =
      'mkdir /a; ulimit -n; grep gateway.test /etc/hosts; df -k /dev/shm | tail -n 1 | tr -s " " | cut -d " " -f 2';
    const said = await inside('--add-host', 'gateway.test:host-gateway', 'pontoon/busybox', 'sh', '-c', script);
    assert.match(said, /mkdir: can't create directory '\/a': Function not implemented/);
    assert.match(said, /^99\n10\.9\.9\.9\tgateway\.test\n1024$/m);
    // What is asked for wins, and a privileged container has no profile.
    const options = ['--security-opt', 'seccomp=unconfined', '--ulimit', 'nofile=50:60'];
    assert.equal(await inside(...options, 'pontoon/busybox', 'sh', '-c', 'mkdir /a; ulimit -n'), '50\n');
    assert.equal(await inside('--privileged', 'pontoon/busybox', 'mkdir', '/a'), '');
    await daemon.docker('run', '--name', 'quiet', '-d', 'pontoon/busybox', 'sleep', '100');
    const { HostConfig } = await daemon.get('/containers/quiet/json');
    assert.deepEqual([HostConfig.LogConfig.Type, HostConfig.IpcMode], ['none', 'shareable']);
    const joined = await inside('--ipc', 'container:quiet', 'pontoon/busybox', 'true');
    assert.equal(joined, '');
    const info = await daemon.get('/info');
    assert.deepEqual(
      [info.LoggingDriver, info.SecurityOptions, info.HttpProxy, info.NoProxy],
      ['none', ['name=seccomp,profile=custom'], 'http://xxxxx:xxxxx@proxy.test:3128', 'registry.test'],
    );
    await daemon.docker('rm', '-f', 'quiet');
  });

  test('--bridge none makes none', async () => {
    await using daemon = await TestDaemon.start(['--bridge', 'none']);
    assert.equal((await daemon.call('GET', '/networks/bridge')).status, 404);
  });
});

describe('how it begins and ends', { concurrency: false }, () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(`${signal} ends it with status 0, also while somebody follows the events`, {
      timeout: PATIENCE_MS,
    }, async () => {
      const daemon = await TestDaemon.start(['--shutdown-timeout', '1']);
      const follower = daemon.connect();
      follower.write('GET /events HTTP/1.1\r\nHost: x\r\n\r\n');
      await once(follower, 'data');
      assert.equal(await daemon.stop(signal), 0);
      assert.ok(!existsSync(daemon.socketPath));
      assert.ok(!existsSync(join(daemon.directory, 'pid')));
      follower.destroy();
    });
  }

  test('a connection on which nothing is asked does not hold it up', { timeout: PATIENCE_MS }, async () => {
    const daemon = await TestDaemon.start(['--shutdown-timeout', '3600']);
    const idle = daemon.connect();
    idle.write('GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(idle, 'data');
    const silent = daemon.connect();
    await once(silent, 'connect');
    assert.equal(await daemon.stop(), 0);
    idle.destroy();
    silent.destroy();
  });

  test('nor do those who are attached, commands that run in containers, and slow stops', {
    timeout: PATIENCE_MS,
  }, async () => {
    const first = await TestDaemon.start(['--shutdown-timeout', '1']);
    const post = (path: string, body: unknown = {}) => first.call('POST', path, { body });
    const { json } = await post('/containers/create', { Image: 'pontoon/busybox', Cmd: ['sleep', '1000'] });
    const container = `/containers/${json.Id}`;
    await post(`${container}/start`);
    const exec = async (detached: boolean): Promise<string> => {
      const output = { AttachStdout: !detached, AttachStderr: !detached };
      const made = await post(`${container}/exec`, { Cmd: ['sleep', '1000'], ...output });
      return `/exec/${made.json.Id}/start`;
    };
    assert.equal((await post(await exec(true), { Detach: true })).status, 200);
    const clients = [await exec(false), `${container}/attach?stream=1&stdout=1&stdin=1`].map((path) => {
      const client = first.connect();
      client.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`);
      return client;
    });
    for (const client of clients) await once(client, 'data');
    const stopping = first.connect();
    stopping.write(`POST ${container}/stop?t=3600 HTTP/1.1\r\nHost: x\r\n\r\n`);
    await sleep(1500); // longer than a stop waits for handlers
    assert.equal(await first.stop(), 0);
    stopping.destroy();
    for (const client of clients) client.destroy();
    assert.doesNotMatch(first.log, /"level":50/);
    await using second = await TestDaemon.start([], first.directory);
    const processes = (await second.get(`${container}/top`)).Processes as string[][];
    assert.equal(processes.filter((row) => row.at(-1) === 'sleep 1000').length, 3);
    assert.equal((await second.call('DELETE', `${container}?force=1`)).status, 204);
  });

  test('who does not want to wait sends the signal again', { timeout: PATIENCE_MS }, async () => {
    const daemon = await TestDaemon.start(['--shutdown-timeout', '3600']);
    // A body that never comes.
    const busy = daemon.connect();
    busy.write(
      'POST /networks/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n',
    );
    while (!daemon.log.includes('stopping')) {
      daemon.process.kill('SIGTERM');
      await sleep(20);
    }
    assert.equal(await daemon.stop(), 0);
    busy.destroy();
  });

  test('what the start alone needed is given back', { timeout: PATIENCE_MS }, async ({ signal }) => {
    await using daemon = await TestDaemon.start();
    const path = `/proc/${readFileSync(join(daemon.directory, 'pid'), 'utf8').trim()}/status`;
    const kbBelowPeak = (): number => {
      const status = readFileSync(path, 'utf8');
      const [peak, now] = ['VmHWM', 'VmRSS'].map((name) =>
        Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]),
      );
      return peak! - now!;
    };
    while (kbBelowPeak() < 2000) await sleep(100, undefined, { signal });
  });

  test('the default network becomes what the flags say', async () => {
    const first = await TestDaemon.start(['--mtu', '1400']);
    await first.stop();
    await using second = await TestDaemon.start(['--mtu', '1300', '--bip', '10.77.0.1/24'], first.directory);
    const { IPAM, Options } = await second.get('/networks/bridge');
    assert.deepEqual(IPAM.Config, [{ Subnet: '10.77.0.0/24', Gateway: '10.77.0.1' }]);
    assert.equal(Options['com.docker.network.driver.mtu'], '1300');
  });

  test('a second one is refused, and the first serves on', async () => {
    await using daemon = await TestDaemon.start();
    const again = (...flags: string[]) => run(PONTOON, ['daemon', ...flags]);
    const { directory, socketPath } = daemon;
    const samePidFile = await again(...rootFlags(directory), '--host', `unix://${socketPath}2`);
    assert.equal(samePidFile.status, 1);
    assert.match(samePidFile.stderr, /^pontoon: a daemon runs already, with process ID \d+/m);
    const sameSocket = await again(...rootFlags(newDirectory()), '--host', `unix://${socketPath}`, '--bridge', 'none');
    assert.equal(sameSocket.status, 1);
    assert.match(sameSocket.stderr, /^pontoon: another daemon listens on /m);
    assert.equal((await daemon.call('GET', '/_ping')).text, 'OK');
  });

  test('after a kill the next one takes over, with the networks', { timeout: PATIENCE_MS }, async () => {
    const first = await TestDaemon.start();
    await first.call('POST', '/networks/create', { body: { Name: 'stays', Labels: { a: 'b' } } });
    const before = await first.get('/networks/stays');
    assert.equal(await first.stop('SIGKILL'), 'SIGKILL');
    assert.ok(existsSync(first.socketPath));
    await using second = await TestDaemon.start([], first.directory);
    assert.deepEqual(await second.get('/networks/stays'), before);
    assert.equal((await second.get('/info')).ID, readFileSync(join(first.directory, 'data/engine-id'), 'utf8').trim());
  });

  test('SIGHUP reads the file again; a bad file changes nothing', { timeout: PATIENCE_MS }, async () => {
    const path = configFile({ labels: ['a=1'] });
    const begun = Date.now() / 1000;
    await using daemon = await TestDaemon.start(['--config-file', path]);
    const reload = async (content: unknown, said: string): Promise<string[]> => {
      const from = daemon.log.length;
      writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
      daemon.process.kill('SIGHUP');
      while (!daemon.log.slice(from).includes(said)) await sleep(10);
      return (await daemon.get('/info')).Labels;
    };
    assert.deepEqual((await daemon.get('/info')).Labels, ['a=1']);
    const next = { labels: ['a=2'], debug: true, 'registry-mirrors': ['https://mirror.test'] };
    assert.deepEqual(await reload(next, 'is read again'), ['a=2']);
    const { Debug, RegistryConfig } = await daemon.get('/info');
    assert.deepEqual([Debug, RegistryConfig.Mirrors], [true, ['https://mirror.test']]);
    assert.deepEqual(await reload('{', 'cannot be read again'), ['a=2']);
    const { text } = await daemon.call('GET', `/events?since=${begun}&until=${Date.now() / 1000}`);
    assert.equal(text.match(/"Action":"reload"/g)?.length, 1);
  });

  test('the service manager is told', { timeout: PATIENCE_MS }, async () => {
    for (const name of [join(newDirectory(), 'notify'), `@pontoon-test-${process.pid}`]) {
      const fd = ffi.socket(ffi.AF_UNIX, ffi.SOCK_DGRAM | ffi.SOCK_NONBLOCK, 0);
      const path = Buffer.from(name.replace('@', '\0'));
      ffi.bind(fd, Buffer.concat([Uint8Array.of(ffi.AF_UNIX, 0), path]));
      const told = async (): Promise<string> => {
        const data = Buffer.alloc(256);
        for (;;) {
          const length = ffi.recv(fd, data);
          if (length !== undefined) return data.toString('utf8', 0, length);
          await sleep(10);
        }
      };
      process.env.NOTIFY_SOCKET = name;
      const daemon = await TestDaemon.start();
      delete process.env.NOTIFY_SOCKET;
      assert.equal(await told(), 'READY=1');
      daemon.process.kill('SIGHUP');
      assert.match(await told(), /^RELOADING=1\nMONOTONIC_USEC=\d+$/);
      assert.equal(await told(), 'READY=1');
      await daemon.stop();
      assert.equal(await told(), 'STOPPING=1');
      ffi.close(fd);
    }
  });

  const withoutActivation = missingProgram('systemd-socket-activate');
  test('a socket of the service manager', { skip: withoutActivation, timeout: PATIENCE_MS }, async () => {
    const directory = newDirectory();
    const path = join(directory, 'activated.sock');
    const command = [PONTOON, 'daemon', ...rootFlags(directory), '--host', 'fd://'];
    const child = spawn('systemd-socket-activate', ['--listen', path, ...command], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    while (!existsSync(path)) await sleep(10);
    const answer = await new Promise<string>((resolve, reject) => {
      get({ socketPath: path, path: '/_ping', agent: false }, (response) => text(response).then(resolve, reject)).on(
        'error',
        reject,
      );
    });
    assert.equal(answer, 'OK');
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    assert.deepEqual(await ended, [0, null]);
  });
});

describe('whom it lets in', () => {
  test('the unix socket is for root and one group', async () => {
    const [, , gid] = readFileSync('/etc/group', 'utf8').match(/^daemon:([^:]*):(\d+)/m)!;
    await using daemon = await TestDaemon.start(['--group', 'daemon']);
    const { mode, uid, gid: group } = statSync(daemon.socketPath);
    assert.deepEqual([mode & 0o777, uid, group], [0o660, 0, Number(gid)]);
  });

  test('several sockets serve the same', async () => {
    const other = join(newDirectory(), 'deep/other.sock');
    await using daemon = await TestDaemon.start(['--host', `unix://${other}`]);
    const answer = await new Promise<string>((resolve, reject) => {
      get({ socketPath: other, path: '/_ping', agent: false }, (response) => text(response).then(resolve, reject));
    });
    assert.equal(answer, (await daemon.call('GET', '/_ping')).text);
  });

  test('TCP is for clients with a certificate', { skip: missingProgram('openssl'), timeout: PATIENCE_MS }, async () => {
    await run('ip', ['link', 'set', 'lo', 'up']);
    const pki = await makeCertificates();
    await using _daemon = await TestDaemon.start([
      ...[
        '--host',
        'tcp://127.0.0.1:23760',
        '--tlsverify',
        '--tlscacert',
        pki.ca,
        '--tlscert',
        pki.cert,
        '--tlskey',
        pki.key,
      ],
    ]);
    const ask = (client: { cert?: Buffer; key?: Buffer }): Promise<string> =>
      new Promise((resolve, reject) => {
        const where = { host: '127.0.0.1', port: 23760, path: '/_ping', servername: 'localhost', agent: false };
        request({ ...where, ca: readFileSync(pki.ca), ...client }, (response) => text(response).then(resolve, reject))
          .on('error', reject)
          .end();
      });
    assert.equal(await ask({ cert: readFileSync(pki.cert), key: readFileSync(pki.key) }), 'OK');
    await assert.rejects(ask({}));
    // Plain HTTP gets nothing.
    const plain = connect(23760, '127.0.0.1');
    plain.write('GET /_ping HTTP/1.0\r\n\r\n');
    assert.doesNotMatch(await text(plain).catch(() => ''), /OK/);
  });

  test('metrics are served where they are asked for', async () => {
    await run('ip', ['link', 'set', 'lo', 'up']);
    await using daemon = await TestDaemon.start(['--metrics-addr', '127.0.0.1:9323']);
    await daemon.call('GET', '/networks');
    const metrics = await new Promise<string>((resolve, reject) => {
      get('http://127.0.0.1:9323/metrics', { agent: false }, (response) => text(response).then(resolve, reject));
    });
    assert.match(metrics, /^pontoon_networks 3$/m);
    assert.match(metrics, /^pontoon_api_requests_total\{method="GET",route="\/networks",status="200"\} 1$/m);
    assert.match(metrics, /^process_resident_memory_bytes \d+/m);
  });
});

/** An authority, and one certificate that serves both ends. */
async function makeCertificates(): Promise<{ ca: string; cert: string; key: string }> {
  const directory = newDirectory();
  mkdirSync(directory, { recursive: true });
  const file = (name: string): string => join(directory, name);
  const openssl = async (...args: string[]): Promise<void> => {
    const { status, stderr } = await run('openssl', args);
    assert.equal(status, 0, stderr);
  };
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await openssl(
    'req',
    '-x509',
    ...newKey,
    '-subj',
    '/CN=test',
    '-days',
    '1',
    '-keyout',
    file('ca.key'),
    '-out',
    file('ca.pem'),
  );
  await openssl('req', ...newKey, '-subj', '/CN=localhost', '-keyout', file('key.pem'), '-out', file('csr.pem'));
  writeFileSync(
    file('extensions'),
    'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n',
  );
  const signing = ['-CA', file('ca.pem'), '-CAkey', file('ca.key'), '-CAcreateserial', '-days', '1'];
  await openssl(
    'x509',
    '-req',
    '-in',
    file('csr.pem'),
    ...signing,
    '-extfile',
    file('extensions'),
    '-out',
    file('cert.pem'),
  );
  return { ca: file('ca.pem'), cert: file('cert.pem'), key: file('key.pem') };
}
