/**
 * @module `pontoon` with a daemon, where docker has no such thing or a terminal is needed: raw terminals, detach keys,
 * half-closed input, signals, live publishing, events, statistics and completion.
 */

import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { PONTOON, TestDaemon } from '../api/daemon.ts';

let daemon: TestDaemon;

interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function start(program: string, args: readonly string[]): ChildProcessWithoutNullStreams {
  const DOCKER_HOST = `unix://${daemon.socketPath}`;
  return spawn(program, args, { env: { ...process.env, DOCKER_HOST, TERM: 'xterm' }, cwd: daemon.directory });
}

async function outcome(child: ChildProcessWithoutNullStreams): Promise<Ran> {
  const [stdout, stderr] = [text(child.stdout), text(child.stderr)];
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, stdout: await stdout, stderr: await stderr };
}

async function run(...args: string[]): Promise<Ran> {
  const child = start(PONTOON, args);
  child.stdin.end();
  return outcome(child);
}

async function pontoon(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await run(...args);
  assert.deepEqual({ status, stderr }, { status: 0, stderr: '' }, args.join(' '));
  return stdout;
}

/** A terminal on which `pontoon` runs: what it shows so far, and keys for it. */
class Terminal {
  readonly #child: ChildProcessWithoutNullStreams;
  shown = '';

  constructor(...args: string[]) {
    const line = [PONTOON, ...args].map((word) => `'${word}'`).join(' ');
    this.#child = start('script', ['-qefc', `stty rows 30 cols 100; exec ${line}`, '/dev/null']);
    this.#child.stdout.setEncoding('utf8').on('data', (data: string) => {
      this.shown += data;
    });
  }

  /** Types once something is shown. */
  async typeAfter(expected: string, keys: string): Promise<void> {
    while (!this.shown.includes(expected)) {
      assert.equal(this.#child.exitCode, null, `it ended without ${JSON.stringify(expected)}: ${this.shown}`);
      await sleep(20);
    }
    this.#child.stdin.write(keys);
  }

  async status(): Promise<number> {
    if (this.#child.exitCode === null) await once(this.#child, 'close');
    return this.#child.exitCode!;
  }
}

before(async () => {
  spawnSync('ip', ['link', 'set', 'lo', 'up']);
  daemon = await TestDaemon.start();
});
after(() => daemon[Symbol.asyncDispose]());

describe('terminals', { concurrency: false }, () => {
  test('run -it is a terminal of the right size, and ends as its shell ends', async () => {
    const terminal = new Terminal('run', '--rm', '-it', 'pontoon/busybox', 'sh');
    await terminal.typeAfter('/ # ', 'stty size; tty\r');
    await terminal.typeAfter('30 100', 'exit 5\r');
    assert.equal(await terminal.status(), 5);
    assert.match(terminal.shown, /30 100\r\n\/dev\/pts\/0\r\n/, 'and lines end once');
  });

  test('the detach keys leave the container running, and attach comes back to it', async () => {
    const first = new Terminal('run', '-it', '--name', 'shell', 'pontoon/busybox', 'sh');
    await first.typeAfter('/ # ', 'echo one\r');
    await first.typeAfter('one\r\n', '\u0010\u0011');
    assert.equal(await first.status(), 0);
    assert.equal(await pontoon('inspect', '-f', '{{.State.Status}}', 'shell'), 'running\n');
    const second = new Terminal('container', 'attach', '--detach-keys', 'ctrl-x', 'shell');
    await sleep(300);
    await second.typeAfter('', 'echo two\r');
    await second.typeAfter('two\r\n', '\u0018');
    assert.equal(await second.status(), 0);
    const third = new Terminal('container', 'attach', 'shell');
    await sleep(300);
    await third.typeAfter('', 'exit 4\r');
    assert.equal(await third.status(), 4);
    await pontoon('rm', 'shell');
  });

  test('exec -it and start -ai have them too', async () => {
    await pontoon('run', '-d', '--name', 'web', 'pontoon/busybox', 'sleep', '100000');
    const inside = new Terminal('exec', '-it', 'web', 'sh');
    await inside.typeAfter('/ # ', 'stty size; exit 6\r');
    assert.equal(await inside.status(), 6);
    assert.match(inside.shown, /30 100/);
    await pontoon('create', '-it', '--name', 'again', 'pontoon/busybox', 'sh');
    const again = new Terminal('start', '-ai', 'again');
    await again.typeAfter('/ # ', 'exit 7\r');
    assert.equal(await again.status(), 7);
    await pontoon('rm', '-f', 'web', 'again');
  });

  test('-it without a terminal is refused before anything is made', async () => {
    const { status, stderr } = await run('run', '-it', '--name', 'no', 'pontoon/busybox');
    assert.deepEqual([status, stderr], [125, 'pontoon: the input device is not a terminal: leave -t or -i out\n']);
    assert.equal(await pontoon('ps', '-aq', '--filter', 'name=no'), '');
  });
});

describe('streams', { concurrency: false }, () => {
  test('the end of the input is an end inside, and output goes on after it', async () => {
    const child = start(PONTOON, ['run', '--rm', '-i', 'pontoon/busybox', 'sh', '-c', 'wc -c; echo done']);
    const bytes = Buffer.alloc(3_000_000, 'x');
    child.stdin.end(bytes);
    assert.deepEqual(await outcome(child), { status: 0, stdout: `${bytes.length}\ndone\n`, stderr: '' });
  });

  test('an input whose output nobody asked for arrives whole too', async () => {
    const script = 'sleep 0.3; wc -c';
    const child = start(PONTOON, [
      'run',
      '-i',
      '-a',
      'stdin',
      '--name',
      'counts',
      'pontoon/busybox',
      'sh',
      '-c',
      script,
    ]);
    child.stdin.end(Buffer.alloc(3_000_000, 'x'));
    const { status, stderr } = await outcome(child);
    assert.deepEqual([status, stderr], [0, '']);
    await pontoon('wait', 'counts');
    assert.equal(await pontoon('logs', 'counts'), '3000000\n');
    await pontoon('rm', 'counts');
  });

  test('a file of variables may be a pipe, and is for the container alone', async () => {
    const line = `printf 'A=1\\nDOCKER_HOST=unix:///nowhere\\n' | ${PONTOON} run --rm --env-file /dev/stdin`;
    const child = start('sh', ['-c', `${line} pontoon/busybox sh -c 'echo $A'`]);
    assert.deepEqual(await outcome(child), { status: 0, stdout: '1\n', stderr: '' });
  });

  test('large outputs on both streams arrive whole', async () => {
    const script = 'yes out | head -c 2000000; yes err | head -c 1000000 >&2';
    const { stdout, stderr } = await run('run', '--rm', 'pontoon/busybox', 'sh', '-c', script);
    assert.deepEqual([stdout.length, stderr.length], [2_000_000, 1_000_000]);
  });

  test('signals are for the process inside', async () => {
    const script = 'trap "echo got it; exit 8" TERM; echo ready; while :; do sleep 0.1; done';
    const child = start(PONTOON, ['run', '--rm', 'pontoon/busybox', 'sh', '-c', script]);
    await once(child.stdout, 'data');
    child.kill('SIGTERM');
    assert.deepEqual(await outcome(child), { status: 8, stdout: 'got it\n', stderr: '' });
  });

  test('one who takes no notice of signals is left by the third', async () => {
    const child = start(PONTOON, [
      'run',
      '--rm',
      '--name',
      'deaf',
      'pontoon/busybox',
      'sh',
      '-c',
      'echo ready; sleep 1000',
    ]);
    const ended = outcome(child);
    await once(child.stdout, 'data');
    for (let count = 0; count < 3; count++) {
      child.kill('SIGINT');
      await sleep(200);
    }
    const { status, stderr } = await ended;
    assert.deepEqual([status, stderr.includes('got 3')], [1, true]);
    assert.equal(await pontoon('inspect', '-f', '{{.State.Status}}', 'deaf'), 'running\n');
    await pontoon('rm', '-f', 'deaf');
  });

  test('logs -f goes on until the container ends', async () => {
    await pontoon('run', '-d', '--name', 'talker', 'pontoon/busybox', 'sh', '-c', 'echo one; sleep 1; echo two');
    assert.equal(await pontoon('logs', '-f', 'talker'), 'one\ntwo\n');
    await pontoon('rm', 'talker');
  });

  test('whoever reads may stop early', async () => {
    const child = start('sh', ['-c', `${PONTOON} run --rm --name early pontoon/busybox yes | head -1`]);
    child.stdin.end();
    assert.deepEqual(await outcome(child), { status: 0, stdout: 'y\n', stderr: '' });
    await pontoon('rm', '-f', 'early');
  });
});

describe('what docker does not have', { concurrency: false }, () => {
  const fetchPage = async (url: string): Promise<string> => {
    const child = start('curl', ['-s', '--max-time', '5', url]);
    child.stdin.end();
    return (await outcome(child)).stdout;
  };

  test('ports of a running container are published and unpublished', async () => {
    const serve = 'echo hello >/index.html; exec httpd -f -p 80 -h /';
    await pontoon('run', '-d', '--name', 'live', 'pontoon/busybox', 'sh', '-c', serve);
    assert.equal(await pontoon('port', 'live'), '');
    assert.equal(await pontoon('publish', 'live', '8080:80'), '*:8080->80/tcp\n');
    assert.equal(await fetchPage('http://127.0.0.1:8080/'), 'hello\n');
    assert.match(await pontoon('port', 'live'), /^80\/tcp -> 0\.0\.0\.0:8080\n/);
    assert.equal(await pontoon('unpublish', 'live', '8080'), '*:8080->80/tcp\n');
    assert.equal(await fetchPage('http://127.0.0.1:8080/'), '');
    assert.equal(await pontoon('port', 'live'), '');
  });

  test('a container is a sandbox, and its sandbox is its own business', async () => {
    assert.match(await pontoon('sandbox', 'ls', '--format', '{{.Name}} {{.Networks}}'), /^live bridge\n/);
    const { status, stderr } = await run('sandbox', 'stop', 'live');
    assert.deepEqual([status, stderr], [1, 'pontoon: live is a container: start, stop and remove it as one\n']);
  });

  test('statistics once, and for as long as one looks', async () => {
    const [heading = '', line = ''] = (await pontoon('stats', '--no-stream', 'live')).split('\n');
    assert.match(heading, /^CONTAINER ID {3}NAME +CPU % +MEM USAGE \/ LIMIT +MEM % +NET I\/O +BLOCK I\/O +PIDS$/);
    assert.match(line, /^[0-9a-f]{12} {3}live +\d+\.\d\d% +[\d.]+\w+ \/ [\d.]+\w+ +\d+\.\d\d% +.* \/ .* +\d+$/);
    const child = start(PONTOON, ['stats', '--format', '{{.Name}}', 'live']);
    let lines = 0;
    for await (const data of child.stdout.setEncoding('utf8') as AsyncIterable<string>) {
      lines += data.split('\n').length - 1;
      if (lines === 2) child.kill('SIGINT');
    }
    if (child.exitCode === null) await once(child, 'close');
    assert.equal(child.exitCode, 0);
  });

  test('events, as they come', async () => {
    const since = String(Date.now() / 1000);
    const filters = ['--since', since, '--filter', 'container=passing'];
    const child = start(PONTOON, ['events', ...filters, '--format', '{{.Action}}']);
    await pontoon('run', '--rm', '--name', 'passing', 'pontoon/busybox', 'true');
    let seen = '';
    for await (const data of child.stdout) {
      seen += data;
      if (seen.includes('destroy\n')) child.kill('SIGINT');
    }
    const actions = seen.trim().split('\n');
    for (const action of ['create', 'attach', 'start', 'die', 'destroy']) assert.ok(actions.includes(action), action);
  });

  test('images go out and come in again', async () => {
    await pontoon('save', '-o', 'image.tar', 'pontoon/busybox');
    assert.ok(readFileSync(join(daemon.directory, 'image.tar')).length > 1_000_000);
    assert.match(await pontoon('load', '-i', 'image.tar'), /^Loaded image: pontoon\/busybox:latest\n$/);
    const { status, stderr } = await run('load', '-i', 'nix.tar');
    assert.deepEqual([status, stderr.split('\n').length], [1, 2]);
  });

  test('prune asks first', async () => {
    await pontoon('network', 'create', 'lonely');
    const refused = start(PONTOON, ['network', 'prune']);
    refused.stdin.end('n\n');
    assert.equal((await outcome(refused)).status, 1);
    const agreed = start(PONTOON, ['network', 'prune']);
    agreed.stdin.end('y\n');
    const { status, stdout } = await outcome(agreed);
    assert.equal(status, 0);
    assert.match(stdout, /Are you sure you want to continue\? \[y\/N\] Deleted Networks:\nlonely\n/);
  });
});

describe('completion', { concurrency: false }, () => {
  const complete = async (...words: string[]): Promise<string[]> =>
    (await pontoon('completion', 'words', '--', ...words)).trim().split('\n');

  for (const [words, expected] of [
    [['netw'], ['network']],
    [['network', 'pr'], ['prune']],
    [
      ['run', '--publish'],
      ['--publish', '--publish-all'],
    ],
    [['stop', 'li'], ['live']],
    [['network', 'inspect', 'b'], ['bridge']],
    [['run', '--network', 'h'], ['host']],
    [['run', '-it', 'pontoon/b'], ['pontoon/busybox:latest']],
    [
      ['run', '--pull', ''],
      ['always', 'missing', 'never'],
    ],
    [
      ['completion', ''],
      ['bash', 'fish', 'zsh'],
    ],
    [['network', 'create', ''], ['']],
  ] as const) {
    test(words.join(' '), async () => assert.deepEqual(await complete(...words), expected));
  }

  test('in bash itself', async () => {
    const script = `
      PATH=${join(PONTOON, '..')}:$PATH
      eval "$(pontoon completion bash)"
      COMP_LINE='pontoon network rm h' COMP_POINT=20
      _pontoon
      printf '%s\\n' "\${COMPREPLY[@]}"`;
    const child = start('bash', ['-c', script]);
    child.stdin.end();
    assert.deepEqual(await outcome(child), { status: 0, stdout: 'host\n', stderr: '' });
  });

  for (const shell of ['bash', 'zsh', 'fish']) {
    test(`the script for ${shell}`, async () =>
      assert.match(await pontoon('completion', shell), /pontoon completion words/));
  }
});
