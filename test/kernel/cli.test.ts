/**
 * @module The command line without a daemon, as people use it: bin/pontoon itself in a private world, a process for each
 * command. What it prints, what it refuses and with which status, and what it makes of the kernel.
 */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { ADDRESSES, buildWorld, type RunResult, type World } from '../../src/cli/demo/world.ts';
import { createProgram, defineAll } from '../../src/cli/program.ts';
import type { Sandbox } from '../../src/index.ts';

const root = join(import.meta.dirname, '../..');
const PONTOON = join(root, 'bin/pontoon');
const WEB = '/run/netns/web';
const DB = '/run/netns/db';
const PUBLISHED = `http://${ADDRESSES.host.ipv4}:8080/`;

/** Every command gets its data directory from here; that of the run is the world's own. No daemon answers. */
delete process.env.DOCKER_HOST;
delete process.env.PONTOON_HOST;
process.env.PONTOON_DATA_ROOT = mkdtempSync(join(tmpdir(), 'cli-'));

let world: World;

/** Runs a command that may fail. */
function run(...args: string[]): Promise<RunResult> {
  return world.run('host', [PONTOON, ...args]);
}

/** Runs a command that does what it is asked, without a word on standard error; what it prints. */
async function pontoon(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await run(...args);
  assert.deepEqual({ status, stderr }, { status: 0, stderr: '' }, `pontoon ${args.join(' ')}`);
  return stdout;
}

interface NetworkInspection {
  readonly Id: string;
  readonly Containers: Readonly<Record<string, { readonly Name: string; readonly IPv4Address: string }>>;
}

async function sandboxesOf(...names: string[]): Promise<Sandbox[]> {
  return JSON.parse(await pontoon('sandbox', 'inspect', ...names)) as Sandbox[];
}

async function sh(command: string): Promise<string> {
  const { status, stdout, stderr } = await world.run('host', ['sh', '-euc', command]);
  assert.equal(status, 0, `${command}: ${stderr}`);
  return stdout.trim();
}

/** The lines of a command that runs on, one at a time. */
function follow(...args: string[]): { readonly child: ChildProcess; readonly lines: AsyncIterator<string> } {
  const child = spawn(PONTOON, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  return { child, lines: createInterface(child.stdout)[Symbol.asyncIterator]() };
}

before(async () => {
  world = await buildWorld();
  await sh('ip netns add web; ip netns add db');
});

after(async () => {
  await sh('ip netns del web; ip netns del db');
  await world[Symbol.asyncDispose]();
});

describe('pontoon', { concurrency: false }, () => {
  test('a network, two namespaces on it, and they reach each other', async () => {
    assert.match(await pontoon('network', 'create', 'front', '--subnet', '10.1.0.0/24'), /^[0-9a-f]{64}\n$/);
    assert.equal(
      await pontoon('attach', 'front', '--netns', WEB, '--ip', '10.1.0.9'),
      'web on front: eth0, 10.1.0.9/24\n',
    );
    assert.equal(await pontoon('attach', 'front', '--netns', 'db'), 'db on front: eth0, 10.1.0.2/24\n');
    assert.ok(await world.ping(DB, '10.1.0.9'));
    assert.ok(await world.ping(WEB, '10.1.0.2'));
  });

  test('a published port answers the host and the LAN until it is unpublished', async () => {
    await world.startWebServer(WEB, { name: 'web' });
    const bindings = '*:8080->80/tcp\n127.0.0.1:5353->53/udp\n';
    assert.equal(await pontoon('publish', 'web', '8080:80', '127.0.0.1:5353:53/udp'), bindings);
    for (const place of ['host', world.lan, DB]) {
      assert.match((await world.fetch(place, PUBLISHED)).body, /^hello from web/);
    }
    assert.equal(await pontoon('unpublish', 'web', '8080', '127.0.0.1:5353/udp'), bindings);
    for (const place of ['host', world.lan, DB]) {
      assert.notEqual((await world.fetch(place, PUBLISHED)).error, undefined);
    }
  });

  test('lists and inspect tell the same, as text and as JSON', async () => {
    await pontoon('publish', 'web', '8080:80');
    const sandboxes = await sandboxesOf('web', 'db');
    assert.deepEqual(
      sandboxes.map(({ name, namespacePath }) => ({ name, namespacePath })),
      [
        { name: 'web', namespacePath: WEB },
        { name: 'db', namespacePath: DB },
      ],
    );
    assert.deepEqual(JSON.parse(await pontoon('inspect', 'web')), [sandboxes[0]]);
    // Without the kind, 'db' may be the beginning of a network's ID.
    assert.deepEqual(JSON.parse(await pontoon('inspect', '--type', 'sandbox', 'web', 'db')), sandboxes);
    const [network] = JSON.parse(await pontoon('network', 'inspect', 'front')) as [NetworkInspection];
    assert.deepEqual(
      Object.values(network.Containers)
        .map(({ Name, IPv4Address }) => `${Name} ${IPv4Address}`)
        .toSorted(),
      ['db 10.1.0.2/24', 'web 10.1.0.9/24'],
    );
    assert.equal(
      await pontoon('network', 'ls', '--filter', 'name=front', '--format', '{{.ID}} {{.Driver}}'),
      `${network.Id.slice(0, 12)} bridge\n`,
    );

    const ids = sandboxes.map(({ id }) => id.slice(0, 12));
    const [header, web, db] = (await pontoon('sandbox', 'ls')).split('\n').map((line) => line.split(/ {2,}/));
    assert.deepEqual(header, ['SANDBOX ID', 'NAME', 'NAMESPACE', 'NETWORKS', 'ADDRESSES', 'PORTS']);
    assert.deepEqual(web, [ids[0], 'web', WEB, 'front', '10.1.0.9/24', '*:8080->80/tcp']);
    assert.deepEqual(db, [ids[1], 'db', DB, 'front', '10.1.0.2/24', '']);
    assert.equal(await pontoon('sandbox', 'ls', '-q'), `${ids.join('\n')}\n`);
  });

  test('reconcile brings back what was taken by hand', async () => {
    const hostInterface = (await sandboxesOf('db'))[0]?.endpoints[0]?.hostInterface;
    await sh(`nft flush ruleset; ip link del ${hostInterface}`);
    assert.notEqual((await world.fetch(world.lan, PUBLISHED)).error, undefined);
    assert.match(await pontoon('reconcile'), /^repaired: /);
    assert.match((await world.fetch(world.lan, PUBLISHED)).body, /^hello from web/);
    assert.ok(await world.ping(DB, '10.1.0.9'));
    assert.equal(await pontoon('reconcile'), 'everything is as it should be\n');
    const report = await pontoon('reconcile', '--format', 'json');
    assert.deepEqual(JSON.parse(report), { repaired: [], removed: [], failed: [] });
  });

  test('a process is attached by its number, and what attach made goes with its last network', async () => {
    const started = await world.start('host', ['unshare', '--net', 'sh', '-c', 'echo ready; exec sleep 600']);
    const pid = String(started.pid);
    const name = `pid-${pid}`;
    assert.equal(await pontoon('attach', 'front', '--pid', pid), `${name} on front: eth0, 10.1.0.3/24\n`);
    assert.match(await pontoon('attach', 'bridge', '--netns', `/proc/${pid}/ns/net`), /^pid-\d+ on bridge: eth1, /);
    assert.ok(await world.ping(`/proc/${pid}/ns/net`, '10.1.0.9'));
    assert.equal(await pontoon('detach', 'front', name), `${name} left front\n`);
    assert.match(await pontoon('detach', 'bridge', name), /its last network: the sandbox is removed\n$/);
    assert.ok(!(await pontoon('sandbox', 'ls')).includes(name));
    assert.doesNotMatch(await sh(`nsenter --net=/proc/${pid}/ns/net ip -o link`), /eth/);
    await started.kill();
  });

  test('a namespace of its own is made, stopped, started and deleted', async () => {
    await pontoon('attach', 'front', '--new', '--name', 'own', '--ip', '10.1.0.50', '--alias', 'mine', '-p', '9000:90');
    const [made] = await sandboxesOf('own');
    assert.deepEqual(made?.endpoints[0]?.aliases, ['mine']);
    assert.ok(await world.ping(made.namespacePath!, '10.1.0.9'));
    assert.equal(await pontoon('sandbox', 'stop', 'own'), 'own\n');
    assert.match(await pontoon('sandbox', 'ls'), / own +\(stopped\) +front +10\.1\.0\.50\/24 +\*:9000->90\/tcp\n/);
    assert.equal(await pontoon('sandbox', 'start', 'own'), 'own\n');
    const [started] = await sandboxesOf('own');
    assert.equal(started?.endpoints[0]?.ipv4, '10.1.0.50/24');
    assert.ok(existsSync(started.namespacePath!));
    assert.equal(await pontoon('sandbox', 'rm', 'own'), 'own\n');
    assert.ok(!existsSync(started.namespacePath!));
  });

  test("the host's own namespace is for the network host alone", async () => {
    const links = await sh('ip -o link');
    const line = "sandbox self is in the host's namespace: it can be on network host only";
    await refuses(['attach', 'front', '--pid', String(process.pid), '--name', 'self'], 1, line);
    assert.equal(await sh('ip -o link'), links);
    assert.equal(await pontoon('attach', 'host', '--netns', '/proc/self/ns/net', '--name', 'self'), 'self on host\n');
    await pontoon('detach', 'host', 'self');
  });

  test('commands that come at the same time take turns', async () => {
    const names = ['one', 'two', 'three'];
    await Promise.all(names.map((name) => pontoon('network', 'create', name)));
    const ended = await run('network', 'rm', 'one', 'nix', 'two', 'three');
    assert.equal(ended.status, 1);
    assert.equal(ended.stdout, 'one\ntwo\nthree\n', 'the others are removed all the same');
    assert.match(ended.stderr, /^pontoon: network nix not found.*\n$/);
  });
});

/** A refusal is one line on standard error and nothing else. */
async function refuses(args: readonly string[], status: number, line: string | RegExp): Promise<void> {
  const ended = await run(...args);
  assert.equal(ended.stdout, '', args.join(' '));
  assert.match(ended.stderr, /^pontoon: [^\n]+\n$/, args.join(' '));
  const message = ended.stderr.slice('pontoon: '.length, -1);
  if (typeof line === 'string') assert.equal(message, line);
  else assert.match(message, line);
  assert.equal(ended.status, status, args.join(' '));
}

describe('what pontoon refuses', { concurrency: false }, () => {
  const state = async () => [await pontoon('network', 'ls'), await pontoon('sandbox', 'ls')];
  let untouched: string[];
  before(async () => {
    untouched = await state();
  });

  for (const [command, line] of [
    ['network create front', 'network with name front already exists: choose another name'],
    ['network create --subnet 10.1.0.0/25 more', /^.*front.*$/],
    ['network rm nix', /^network nix not found/],
    ['network rm bridge', 'bridge is a pre-defined network and cannot be removed'],
    ['network rm front', /has active endpoints/],
    ['attach nix --netns web', /^network nix not found/],
    ['attach front nix', 'No such container: nix'],
    ['attach front web', /^endpoint with name web already exists in network front: detach it first/],
    ['attach front --netns web --name other', /is the sandbox web already: attach it by that name/],
    ['attach front --netns nix', /^no network namespace at \/run\/netns\/nix/],
    ['attach front --netns /etc/passwd', /^\/etc\/passwd is not a network namespace/],
    ['attach front --pid 999999999', /^no process 999999999/],
    ['attach front --new --name n --ip 10.1.0.9', /10\.1\.0\.9/],
    ['detach bridge web', /^sandbox web is not connected to network bridge/],
    ['detach web front', /^network web not found/],
    ['publish db 8080:80', /port is already allocated, sandbox web has it: choose another host port$/],
    ['unpublish web 8081', /^sandbox web publishes no such port/],
    ['sandbox stop nix', 'No such container: nix'],
  ] as const) {
    test(`1: ${command}`, () => refuses(command.split(' '), 1, line));
  }

  for (const [command, line] of [
    ['netwrok', "unknown command 'netwrok' (Did you mean network?); --help shows what there is"],
    ['network create', "missing required argument 'name'; --help shows what there is"],
    ['network ls all', /^too many arguments/],
    ['network create a --subnet 10.1.0.0/33', /bad prefix length/],
    ['network create a --gateway 10.9.0.1', 'no --subnet contains the gateway 10.9.0.1: give the one that does'],
    ['network create a --opt com.docker.network.driver.mtu=x', /com\.docker\.network\.driver\.mtu/],
    ['network create a --label =b', /write KEY=VALUE/],
    ['network ls --format {{.Nix}}', /there is no field Nix$/],
    ['network ls --format {{.Name', /an action is not closed with \}\}$/],
    ['network ls --filter name', /write KEY=VALUE$/],
    [
      'attach front',
      'nothing to attach: name a sandbox, or give --netns, --pid or --new (the streams of a container: pontoon container attach NAME)',
    ],
    ['attach front web --pid 1', /^attach either the sandbox web or a namespace/],
    ['attach front --new', 'a new namespace has no name to go by: give the sandbox one with --name'],
    ['publish web 70000', /port 70000 is above 65535; --help shows how ports are written/],
    ['unpublish web 8080 http', /'http' is not a port/],
    ['events --since yesterday', /^cannot read the time 'yesterday'/],
    ['-H ftp://nix network ls', /^cannot reach the host 'ftp:\/\/nix'/],
    ['-H unix:///nix network ls', /^no daemon answers at unix:\/\/\/nix/],
    ['-D -l=debug -c default --tlsverify=false -H=unix:///nix network ls', /^no daemon answers at unix:\/\/\/nix/],
    ['--config /nix -H 127.0.0.1:1 ps', 'open /nix/ca.pem: no such file or directory'],
    ['ps', /^no daemon answers at unix:\/\/\/run\/pontoon\.sock: start one with /],
    ['image ls', /^no daemon answers /],
    ['pull -a image', "cannot pull all tags of 'image': name each: pontoon pull image:TAG"],
  ] as const) {
    test(`1: ${command}`, () => refuses(command.split(' '), 1, line));
  }

  for (const [command, line] of [
    ['network create -a-', /^unknown option '-a-'/],
    ['network create a --ipam-driver', /argument missing/],
    ['network connect front web --gw-priority x', /'--gw-priority <number>' argument 'x' is invalid\. Write a whole/],
    ['attach front --netns web --pid 1', /cannot be used with option/],
    ['attach front web -p 80:x', /'x' is not a port/],
    ['--data-root= network ls', /Write the path of a directory/],
    ['-c other ps', /Allowed choices are default/],
    ['run --env-file /nix image', 'open /nix: no such file or directory'],
    ['run --gpus x image', /--gpus <request>' argument 'x' is invalid. cannot read the number 'x'/],
    ['run --device-read-bps sda:1 image', /write \/dev\/NAME:NUMBER/],
    ['save --platform linux image', /write OS\/ARCHITECTURE/],
    ['run --bogus image', /^unknown option '--bogus'/],
    ['run pontoon/busybox', /^no daemon answers /],
    ['run --restart sometimes:x image', /^cannot read the restart policy 'sometimes:x'/],
  ] as const) {
    test(`125: ${command}`, () => refuses(command.split(' '), 125, line));
  }

  test('and nothing has changed by all that', async () => assert.deepEqual(await state(), untouched));

  test('without root', async () => {
    const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--', process.execPath];
    const commands = [['sandbox', 'ls'], ['network', 'create', 'a'], ['attach', 'front', '--netns', 'web'], ['events']];
    for (const args of commands) {
      const ended = await world.run('host', [...nobody, join(root, 'bin/start.js'), ...args]);
      assert.match(ended.stderr, /^pontoon: .*run (it )?as root.*\n$/);
      assert.deepEqual([ended.status, ended.stdout], [1, '']);
    }
  });

  test('a data directory that cannot be written', async () => {
    await sh('mkdir /run/read-only; mount -t tmpfs -o ro none /run/read-only');
    await refuses(['--data-root', '/run/read-only', 'network', 'ls'], 1, /^the store \/run\/read-only\/engine\.db /);
    await sh('umount /run/read-only; rmdir /run/read-only');
  });

  test('an output that cannot be written', async () => {
    const full = await world.run('host', ['sh', '-c', `${PONTOON} network ls >/dev/full`]);
    assert.deepEqual([full.status, full.stderr], [1, 'pontoon: ENOSPC: no space left on device, write\n']);
  });
});

describe('pontoon events', { concurrency: false }, () => {
  test('follows what other processes do, until it is interrupted', async () => {
    const since = String(Date.now() / 1000);
    const { child, lines } = follow(
      'events',
      '--since',
      since,
      '--format',
      '{{.Type}} {{.Action}} {{.Actor.Attributes.name}}',
    );
    const seen: string[] = [];
    const next = async (): Promise<string> => (await lines.next()).value as string;
    await pontoon('network', 'create', 'back');
    seen.push(await next());
    await pontoon('attach', 'back', 'db');
    await pontoon('detach', 'back', 'db');
    await pontoon('network', 'rm', 'back');
    for (let left = 3; left > 0; left--) seen.push(await next());
    const expected = ['create', 'connect', 'disconnect', 'destroy'].map((action) => `network ${action} back`);
    assert.deepEqual(seen, expected);
    child.kill('SIGINT');
    assert.deepEqual(await once(child, 'exit'), [0, null]);

    const text = follow('events', '--since', since);
    assert.match((await text.lines.next()).value, /^\d{4}-\d\d-\d\dT.* network create [0-9a-f]{64} \(name=back, /);
    text.child.kill('SIGTERM');
    assert.deepEqual(await once(text.child, 'exit'), [0, null]);
  });

  test('ends well when nobody reads any more', async () => {
    const child = spawn(PONTOON, ['events', '--since', '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
    child.stdout.destroy();
    assert.deepEqual(await once(child, 'exit'), [0, null]);
  });

  test('waits for a store that is not there yet', async () => {
    const dataRoot = join(tmpdir(), 'later');
    const { child, lines } = follow('--data-root', dataRoot, 'events', '--format', '{{.Type}} {{.Action}}');
    await pontoon('--data-root', dataRoot, '--run-root', join(tmpdir(), 'later-run'), 'network', 'ls');
    assert.equal((await lines.next()).value, 'engine reconcile');
    child.kill('SIGINT');
    assert.deepEqual(await once(child, 'exit'), [0, null]);
  });
});

describe('pontoon --help', { concurrency: false }, async () => {
  const program = createProgram();
  await defineAll(program);
  for (const words of commandsOf(program)) {
    test(`${words.join(' ')} has an example`, async () => {
      const help = await pontoon(...words, '--help');
      assert.match(help, new RegExp(`\nExample:\n  pontoon ${words.join(' ')}\\b`));
    });
  }

  test('needs neither the engine nor what it stands on', async () => {
    assert.deepEqual(await loaded('--help'), { koffi: false, sqlite: false });
    assert.deepEqual(await loaded('ps'), { koffi: false, sqlite: false });
    assert.deepEqual(await loaded('sandbox', 'ls'), { koffi: true, sqlite: true });
  });

  /** Whether a command has mapped the library of koffi, and loaded node:sqlite, by the time it ends. */
  async function loaded(...command: string[]): Promise<{ koffi: boolean; sqlite: boolean }> {
    const probe = `process.on('exit', () => console.error(JSON.stringify({
      koffi: process.report.getReport().sharedObjects.some((path) => path.includes('koffi')),
      sqlite: process.moduleLoadList.includes('NativeModule sqlite'),
    })))`;
    const options = `NODE_OPTIONS=--import=data:text/javascript;base64,${Buffer.from(probe).toString('base64')}`;
    const { stderr } = await world.run('host', ['env', options, PONTOON, ...command]);
    return JSON.parse(stderr.trim().split('\n').at(-1)!) as { koffi: boolean; sqlite: boolean };
  }
});

/** The words of every command that does something. */
function commandsOf(command: ReturnType<typeof createProgram>, words: readonly string[] = []): string[][] {
  return command.commands.flatMap((below) => {
    const path = [...words, below.name()];
    return below.commands.length === 0 ? [path] : commandsOf(below, path);
  });
}
