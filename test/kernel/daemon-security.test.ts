/**
 * @module What a container finds of the daemon and of its neighbours: nothing of the API, nothing that the daemon has
 * open, no other network, no port that is not published; neither does one with every capability.
 */

import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { missingProgram, run, TestDaemon } from '../api/daemon.ts';

const IMAGE = 'pontoon/busybox';
/** 128 + SIGTERM, as busybox's timeout ends. */
const TIMED_OUT = 143;
const SERVED = { status: 0, stdout: 'served\n', stderr: '' };

suite('what a container finds', { skip: missingProgram('docker') }, () => {
  let daemon: TestDaemon;
  before(async () => {
    await run('ip', ['link', 'set', 'lo', 'up']);
    daemon = await TestDaemon.start();
  });
  after(async () => {
    const { stdout } = await daemon.docker('ps', '--all', '--quiet');
    await daemon.docker('rm', '--force', ...stdout.split('\n').filter(Boolean));
    await daemon[Symbol.asyncDispose]();
  });

  /** What a docker command that succeeds writes. */
  async function docker(...args: string[]): Promise<string> {
    const { status, stdout, stderr } = await daemon.docker(...args);
    assert.equal(status, 0, `docker ${args.join(' ')}: ${stderr}`);
    return stdout.trim();
  }

  const kinds: [string, string[]][] = [
    ['an ordinary container', []],
    ['a privileged container', ['--privileged']],
    ["a container in the host's network", ['--network', 'host']],
  ];
  for (const [kind, flags] of kinds) {
    test(`${kind} has no socket of the daemon or of conmon, by no kind of name`, async () => {
      const find = 'find / -xdev -type s; grep -c . /proc/net/unix; grep " @" /proc/net/unix || true';
      const [count, ...names] = (await docker('run', '--rm', ...flags, IMAGE, 'sh', '-c', find)).split('\n');
      assert.match(count!, /^\d+$/, 'no socket has a path');
      assert.deepEqual(names, [], 'no socket has an abstract name');
    });

    test(`${kind} inherits the three streams, and so does an exec in it`, async () => {
      const id = await docker('run', '--detach', ...flags, IMAGE, 'sleep', '1000');
      assert.deepEqual((await docker('exec', id, 'ls', '/proc/1/fd')).split('\n'), ['0', '1', '2']);
      // The shell's own: ls itself opens the directory.
      assert.deepEqual((await docker('exec', id, 'sh', '-c', 'ls /proc/$$/fd; :')).split('\n'), ['0', '1', '2']);
      await docker('rm', '--force', id);
    });
  }

  suite('of a web server on another network', () => {
    let address: string;
    const gateways = new Map<string, string>();

    const fetch = (from: string, host: string, port: number, ...before: string[]) =>
      daemon.docker('exec', from, ...before, 'wget', '-q', '-O', '-', `http://${host}:${port}/`);

    /** It hears that it may not, or nothing. */
    async function assertUnreachable(from: string, host: string, port: number): Promise<void> {
      // Not by wget's own -T: Debian's ends with a segmentation fault.
      const { status, stdout, stderr } = await fetch(from, host, port, 'timeout', '2');
      assert.equal(stdout, '');
      if (status !== TIMED_OUT) assert.match(stderr, /can't connect to remote host/, `${host}:${port}: ${status}`);
    }

    before(async () => {
      for (const network of ['theirs', 'ours']) {
        await docker('network', 'create', network);
        const gateway = '{{(index .IPAM.Config 0).Gateway}}';
        gateways.set(network, await docker('network', 'inspect', '--format', gateway, network));
      }
      const serve = 'mkdir -p /www; echo served > /www/index.html; httpd -p 81 -h /www; exec httpd -f -p 80 -h /www';
      const web = ['--network', 'theirs', '--publish', '8080:80', IMAGE, 'sh', '-c', serve];
      await docker('run', '--detach', '--name', 'web', ...web);
      await docker('run', '--detach', '--name', 'friend', '--network', 'theirs', IMAGE, 'sleep', '1000');
      await docker(
        'run',
        '--detach',
        '--name',
        'stranger',
        '--network',
        'ours',
        '--privileged',
        IMAGE,
        'sleep',
        '1000',
      );
      address = await docker('inspect', '--format', '{{.NetworkSettings.Networks.theirs.IPAddress}}', 'web');
      const untilServed = 'until wget -q -O - http://web/; do sleep 0.1; done';
      assert.equal(await docker('exec', 'friend', 'sh', '-c', untilServed), 'served');
    });

    test('its neighbour reaches every port', async () => {
      assert.deepEqual(await fetch('friend', address, 81), SERVED);
    });

    test('a stranger reaches the published port, by the host', async () => {
      assert.deepEqual(await fetch('stranger', gateways.get('ours')!, 8080), SERVED);
    });

    test('a stranger reaches no port by its address, neither with routes of its own', async () => {
      for (const port of [80, 81]) await assertUnreachable('stranger', address, port);
      await docker('exec', 'stranger', 'ip', 'route', 'add', address, 'via', gateways.get('ours')!);
      for (const port of [80, 81]) await assertUnreachable('stranger', address, port);
    });

    test('a stranger reaches no port of the host that is not published', async () => {
      for (const gateway of gateways.values()) {
        for (const port of [80, 81, 2375]) await assertUnreachable('stranger', gateway, port);
      }
    });

    test('its name means nothing to a stranger', async () => {
      const { stdout } = await daemon.docker('exec', 'stranger', 'nslookup', 'web');
      assert.match(stdout, /server can't find web: /);
    });
  });
});
