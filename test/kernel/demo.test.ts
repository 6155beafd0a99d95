/**
 * @module The demo: it shows what it promises in both languages, it fails when something is not as it says, and it
 * leaves nothing behind when it is interrupted.
 */

import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { columns } from '../../src/cli/demo/layout.ts';
import { Narrator } from '../../src/cli/demo/narrator.ts';
import { Stage } from '../../src/cli/demo/stage.ts';
import { showContainers } from '../../src/cli/demo/steps/containers.ts';
import { showDaemon } from '../../src/cli/demo/steps/daemon.ts';
import { showPublishedPort } from '../../src/cli/demo/steps/published.ts';
import { type Catalogue, en } from '../../src/cli/demo/text.en.ts';
import { zh } from '../../src/cli/demo/text.zh.ts';
import { buildWorld } from '../../src/cli/demo/world.ts';
import { PontoonError } from '../../src/errors.ts';
import { until } from './support.ts';

const root = join(import.meta.dirname, '../..');
const PONTOON = join(root, 'bin/pontoon');

interface Ended {
  readonly status: unknown;
  readonly stdout: string;
  readonly stderr: string;
}

function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(program, args, { env, maxBuffer: 1 << 24 }, (error, stdout, stderr) =>
      resolve({ status: error === null ? 0 : error.code, stdout, stderr }),
    );
  });
}

function titles(text: Catalogue): string[] {
  return Object.values(text).flatMap((entry) => (typeof entry === 'object' && 'title' in entry ? [entry.title] : []));
}

describe('pontoon demo', { concurrency: false }, () => {
  for (const [language, text] of [
    ['en', en],
    ['zh', zh],
  ] as const) {
    test(`every outcome is as it says (${language})`, async () => {
      const { status, stdout, stderr } = await run(PONTOON, ['demo', '--lang', language]);
      assert.equal(stderr, '');
      assert.deepEqual(stdout.match(/.*✗.*/g) ?? [], []);
      assert.equal(status, 0);
      const shown = [...stdout.matchAll(/^ ?\d+\. (.*)$/gm)].map(([, title]) => title);
      assert.deepEqual(shown, titles(text));
      assert.ok((stdout.match(/✓/g)?.length ?? 0) >= 2 * shown.length, 'each step checks what it shows');
      for (const line of stdout.split('\n')) assert.ok(columns(line) <= 100, `too wide: ${line}`);
      assert.ok(!stdout.includes('\x1b'), 'no colours where nobody sees them');
    });
  }

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGKILL'] as const) {
    test(`${signal} in the middle of it leaves no process`, async () => {
      const demo = spawn(PONTOON, ['demo', '--pause'], { stdio: ['pipe', 'pipe', 'inherit'] });
      await outputOf(demo, en.continue);
      assert.notEqual(programsOfDemo().length, 0);
      demo.kill(signal);
      const [status, by] = await once(demo, 'exit');
      assert.equal(by ?? status, { SIGINT: 130, SIGTERM: 143, SIGKILL: 'SIGKILL' }[signal]);
      await until(() => programsOfDemo().length === 0, 'the world has ended with the command');
    });
  }

  test('without root it says so', async () => {
    const nobody = ['--reuid=65534', '--regid=65534', '--clear-groups', '--', process.execPath];
    const { status, stderr } = await run('setpriv', [...nobody, join(root, 'bin/start.js'), 'demo']);
    assert.equal(status, 1);
    assert.match(stderr, /^pontoon: .*root.*\n$/);
  });

  test('with programs missing it names them and their packages', async () => {
    const { status, stderr } = await run(process.execPath, [join(root, 'bin/start.js'), 'demo'], { PATH: '' });
    assert.equal(status, 1);
    assert.match(stderr, /^pontoon: .*\bcurl\b.*apt-get install .*\biproute2\b.*\n$/);
  });
});

describe('in this world', { concurrency: false }, () => {
  test('a world is only built where there is none', async () => {
    await using _world = await buildWorld();
    await assert.rejects(buildWorld(), (error) => PontoonError.is(error, 'mode-conflict'));
  });

  test('what is not as it should be is shown, told with its step, and counted', async () => {
    await using world = await buildWorld();
    const written: string[] = [];
    const narrator = new Narrator({ text: en, write: (text) => written.push(text) });
    const stage = new Stage({ world, narrator, text: en });
    await showDaemon(stage);
    narrator.title(1, en.containers.title);
    await showContainers(stage);
    assert.deepEqual(narrator.failures, []);

    const enemy =
      'table inet enemy { chain c { type filter hook prerouting priority raw; iifname eth0 tcp dport 9001 drop; }; }';
    assert.equal((await world.run('host', ['nft', enemy])).status, 0);
    narrator.title(2, en.published.title);
    await showPublishedPort(stage);
    narrator.summary(1);
    await stage.docker('rm -f mynginx1 mynginx2');

    const { lan, source, lan6 } = en.published;
    const failing = [lan, source('192.0.2.1'), lan6('2001:db8:1::1')];
    assert.deepEqual(
      narrator.failures,
      failing.map((what) => `${en.published.title}: ${what}`),
    );
    assert.match(written.join(''), /3 of \d+ checks failed/);
    for (const what of failing) assert.ok(written.join('').includes(`✗ ${what}`));
  });
});

/** Resolves when a program has written a text. */
async function outputOf({ stdout }: ChildProcess, wanted: string): Promise<void> {
  let output = '';
  for await (const chunk of stdout!) {
    output += chunk;
    if (output.includes(wanted)) return;
  }
  assert.fail(`it ended before it wrote "${wanted}": ${output}`);
}

/** The demos that run in this world. */
function programsOfDemo(): string[] {
  return readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && commandLine(pid).includes('demo/main.ts\0en'));
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return ''; // it has just ended
    throw error;
  }
}
