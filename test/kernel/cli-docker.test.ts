/**
 * @module `pontoon` prints what `docker` prints, and ends as it does, on the same daemon: the same words to both, one
 * after the other. Errors are compared by their sentence, which docker prefixes. Skipped without the docker command.
 */

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, suite, test } from 'node:test';
import { PONTOON, TestDaemon } from '../api/daemon.ts';

const hasDocker = spawnSync('docker', ['--version']).status === 0;

interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

let daemon: TestDaemon;

async function run(program: string, args: readonly string[], input = ''): Promise<Ran> {
  const DOCKER_HOST = `unix://${daemon.socketPath}`;
  const child = spawn(program, args, { env: { ...process.env, DOCKER_HOST }, cwd: daemon.directory });
  child.stdin.on('error', () => {}).end(input); // it may have ended without reading
  const [stdout, stderr] = [text(child.stdout), text(child.stderr)];
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, stdout: await stdout, stderr: await stderr };
}

async function docker(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await run('docker', args);
  assert.equal(status, 0, stderr);
  return stdout;
}

async function pontoon(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await run(PONTOON, args);
  assert.equal(status, 0, stderr);
  return stdout;
}

/** Words of a line, where quotes hold some together. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain!);
}

/** What passes between two commands: times, and so the widths of columns with them. */
function timeless(output: string): string {
  return output
    .replaceAll(/\b(\d+ (seconds?|minutes?)|Less than a second|About a minute)( ago)?/g, 'TIME')
    .replaceAll(/ {2,}/g, '  ');
}

/** Docker's prefix and its advice go. */
function sentence(complaint: string): string {
  return complaint
    .replace(/^(docker|pontoon): /, '')
    .replace(/^(Error response from daemon: |Error: )/, '')
    .split(/\n(\nRun 'docker|exit status|Error: failed to)/)[0]!
    .trim();
}

before(async () => {
  if (!hasDocker) return;
  spawnSync('ip', ['link', 'set', 'lo', 'up']); // ports are published at 127.0.0.1
  daemon = await TestDaemon.start();
  await pontoon('tag', 'pontoon/busybox', 'busybox');
  const ports = ['-p', '8080:80', '-p', '127.0.0.1:9000-9003:9000-9003/udp', '-p', '70-72:70-72', '-p', '5000'];
  const labels = ['-l', 'a=b', '-l', 'com.x.y-z=hello'];
  const mounts = ['-v', '/tmp:/mnt', '-v', 'vol1:/data'];
  const program = ['sh', '-c', 'echo out; echo err >&2; exec sleep 100000'];
  await docker('run', '-d', '--name', 'web', ...labels, ...ports, ...mounts, 'busybox', ...program);
  await run('docker', ['run', '--name', 'ended', 'busybox', 'sh', '-c', 'exit 3']);
  await docker('network', 'create', '--label', 'x=y', '--subnet', '10.77.0.0/24', 'back');
  await docker('network', 'connect', '--alias', 'api', 'back', 'web');
  await docker('exec', 'web', 'sh', '-c', 'mkdir /d && echo one >/d/file && ln -s file /d/link && ln /d/file /d/same');
});
after(async () => {
  if (hasDocker) await daemon[Symbol.asyncDispose]();
});

suite('the same output and status as docker', { skip: hasDocker ? false : 'docker is not installed' }, () => {
  for (const line of [
    'ps',
    'ps -a',
    'ps -aq',
    'ps --no-trunc',
    'ps -s',
    'ps -n 1',
    'ps -l -q',
    'ps -a --format json --filter name=ended',
    "ps -a --format '{{json .}}' --filter name=ended",
    String.raw`ps --format 'table {{.ID}}\t{{.Names}}\t{{.Label "com.x.y-z"}}'`,
    "ps --format '{{.Names}} {{json .Labels}} {{.State}} {{.CreatedAt}}{{if .Ports}} yes{{end}} {{upper .Image}}'",
    'ps --filter name=web --filter status=running -q',
    'ps --filter label=a=b --format {{.Names}}',
    'ps --filter status=bogus',
    "ps --format '{{.Nix}}'",
    'container ls -a',
    'images --no-trunc --format {{.ID}}',
    'images -q pontoon/busybox',
    'image ls --digests pontoon/host',
    'images --format json pontoon/host',
    'network ls',
    'network ls --no-trunc',
    'network ls --format json',
    'network ls --filter driver=bridge -q',
    'network ls --filter nix=x',
    'network inspect bridge host',
    "network inspect back -f '{{range .Containers}}{{.Name}} {{.IPv4Address}}{{println}}{{end}}'",
    'network inspect back -f \'{{range .IPAM.Config}}{{.Subnet}} via {{.Gateway}}{{end}} {{index .Labels "x"}}\'',
    'network inspect nix',
    'network create bridge',
    'network create back',
    'network rm bridge',
    'network rm back',
    'network rm nix',
    'network connect back web',
    'network connect back nix',
    'network disconnect nix web',
    'volume ls',
    'volume ls -q --filter name=vol1',
    'volume ls --format json',
    'volume inspect vol1',
    'volume rm vol1',
    'volume rm nix',
    'inspect web',
    'inspect nix',
    'inspect --type image pontoon/busybox',
    'image inspect nix',
    'container inspect nix',
    'inspect -f {{.State.Status}} web ended',
    'inspect -f \'{{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}}\' web',
    "inspect -f '{{range $name, $net := .NetworkSettings.Networks}}{{$name}}={{$net.IPAddress}} {{end}}' web",
    'inspect -f \'{{.Config.Cmd}} {{len .Config.Cmd}} {{join .Config.Cmd " + "}} {{printf "%-8s|" .Name}}\' web',
    "inspect -f '{{json .HostConfig.PortBindings}}' web",
    "inspect -f '{{with .State}}{{if and .Running (eq .ExitCode 0)}}up{{else}}down{{end}}{{end}}' web ended",
    "inspect -f '{{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}} {{.State.Health}} {{.State}}' ended",
    "inspect -f '{{.State.Health.Status}}' web",
    "inspect -f '{{.Config.ExposedPorts}} {{.Config.Healthcheck}} {{.Config.StopSignal}} {{.Config.StopTimeout}}' web",
    "inspect -f '{{.Config.Volumes}} {{.Config.Entrypoint}} {{.Config.OnBuild}} {{.Config.Shell}}' ended",
    "inspect -f '{{with .HostConfig}}{{.Tmpfs}} {{.Mounts}} {{.Init}} {{.Sysctls}} {{.CapAdd}} {{.Links}}{{end}}' web",
    "inspect -f '{{with .HostConfig}}{{json .CapAdd}} {{.PidsLimit}} {{.NanoCPUs}} {{.CPUShares}} {{.DNS}}{{end}}' web",
    'inspect -f \'{{index .Config.Labels "a"}} {{index .Config.Labels "nix"}}|{{.Config.Labels.nix}}\' web',
    "inspect -f '{{.NetworkSettings.Networks.nix.IPAddress}} {{.NetworkSettings.Networks.bridge.Links}}' web",
    'inspect -f \'{{index .NetworkSettings.Networks "nix"}}\' web',
    'inspect -f \'{{index .HostConfig.PortBindings "nix"}}\' web',
    "inspect -f '{{.Mounts}} {{.HostConfig.LogConfig}} {{.HostConfig.RestartPolicy}} {{.ExecIDs}}' web",
    "inspect -f '{{.Config.Nix}}' web",
    "inspect -f '{{.name}}' web",
    "inspect -f '{{index .Args 1}}' web ended pontoon/busybox web",
    "image inspect -f '{{.ID}} {{.RepoDigests}} {{.Config.Healthcheck}} {{.Config.Labels}} {{.Variant}}' busybox",
    "volume inspect -f '{{.Labels}} {{.Options}} {{.Status}} {{.UsageData}}' vol1",
    "network inspect -f '{{.IPAM.Options}} {{.Options}} {{.Labels}} {{.ConfigFrom}} {{.Peers}}' back",
    "info -f '{{.ID}} {{.Labels}} {{.Warnings}} {{.CPUCfsPeriod}}'",
    "version -f '{{.Server.APIVersion}} {{.Server.Os}}'",
    "events --since 1h --until 0s --filter event=die --format '{{.Status}} {{.From}} {{.Type}} {{.Action}}'",
    'port web',
    'port web 80',
    'port web 9001/udp',
    'port web 81',
    'logs web',
    'logs -t web',
    'logs --tail 1 web',
    'logs --since 1h --until 0s web',
    'logs nix',
    'top web -o pid,args',
    'diff ended',
    'history pontoon/busybox',
    'history --no-trunc -q pontoon/busybox',
    'exec web ls /d',
    "exec -e A=b -w /tmp -u 1:1 web sh -c 'echo $A; pwd; id -u; echo e >&2; exit 7'",
    'exec web nope',
    'exec web /etc',
    'exec nix ls',
    'exec ended ls',
    'run --rm busybox echo hi',
    "run --rm busybox sh -c 'echo e >&2; exit 9'",
    'run --rm busybox nope',
    'run --rm busybox /etc',
    'run --rm --network nix busybox true',
    'run --rm -p 8080:80 busybox true',
    "run --rm -e X=1 -h hh --add-host foo:1.2.3.4 -w /tmp busybox sh -c 'echo $X; hostname; pwd; tail -1 /etc/hosts'",
    'run --rm --init=false --read-only --tmpfs /t busybox touch /t/file',
    'run --rm -i busybox cat',
    'run --rm -v /etc/hostname:/x:ro busybox cat /x',
    'cp web:/d/file -',
    'cp web:/nix -',
    'cp nix:/x -',
    'wait ended',
    'kill ended',
    'kill -s NIX web',
    'start nix',
    'stop nix',
    'pause ended',
    'unpause web',
    'rm nix',
    "rm 'a b?c'",
    "inspect 'a b#c'",
    'rm -f nix',
    'rm web',
    'rename nix other',
    'rename ended web',
    'rmi nix',
    'tag nix a:b',
    'update --restart always nix',
    'system df --format {{.Type}}',
    'info -f {{.ContainersRunning}}',
    'version -f {{.Server.Version}}',
    'container prune -f --filter label=nix',
    'network prune -f --filter label=nix',
    'volume prune -f --filter label=nix',
  ]) {
    test(line, async () => {
      const input = 'from standard input\n';
      const [expected, actual] = [await run('docker', wordsOf(line), input), await run(PONTOON, wordsOf(line), input)];
      assert.equal(timeless(actual.stdout), timeless(expected.stdout).replace(/^\n$/, ''));
      assert.equal(actual.status, expected.status, actual.stderr);
      if (/^Error|^docker: /.test(expected.stderr)) assert.match(actual.stderr, /^pontoon: [^\n]+\n$/);
      if (/^Error|: Error response/.test(expected.stderr))
        assert.equal(sentence(actual.stderr), sentence(expected.stderr));
    });
  }

  for (const line of [
    'foo',
    'run',
    'run --bogus',
    'ps x',
    'ps --bogus',
    'network create',
    'rm',
    'exec web',
    'stop -t x web',
  ]) {
    test(`a mistake: ${line}`, async () => {
      const [expected, actual] = [await run('docker', wordsOf(line)), await run(PONTOON, wordsOf(line))];
      assert.equal(actual.status, expected.status, actual.stderr);
      assert.match(actual.stderr, /^pontoon: [^\n]+\n$/);
    });
  }
});

suite('copies, as docker makes them', { skip: hasDocker ? false : 'docker is not installed' }, () => {
  /** Runs a copy by each, in directories of their own; what is there then. */
  async function copies(copy: string): Promise<string[]> {
    return Promise.all(
      ['docker', PONTOON].map(async (program, index) => {
        const directory = join(daemon.directory, `copy-${index}`);
        mkdirSync(join(directory, 'there'), { recursive: true });
        writeFileSync(join(directory, 'local'), 'local\n');
        const script = `${copy.replaceAll('CP', `${program} cp -q`)}; find . | sort; cat out 2>/dev/null || true`;
        const ran = await run('sh', ['-euc', `cd ${directory}; ${script}; cd ..; rm -r ${directory}`]);
        assert.equal(ran.status, 0, ran.stderr);
        return ran.stdout;
      }),
    );
  }

  for (const copy of [
    'CP web:/d/file out',
    'CP web:/d/file there',
    'CP web:/d/file there/new',
    'CP web:/d there',
    'CP web:/d fresh',
    'CP web:/d/. there',
    'CP web:/d fresh; cat fresh/same fresh/link; stat -c %h fresh/file',
    'mkdir a; echo x >a/x; ln a/x a/y; CP a web:/tmp/linked$$; CP web:/tmp/linked$$ b; stat -c %h b/y',
    'CP web:/d/link .; readlink link',
    'CP -L web:/d/link out',
    'CP local web:/tmp/x; CP web:/tmp/x out',
    'CP local web:/tmp; CP web:/tmp/local out',
    'CP there web:/tmp/fresh$$; CP web:/tmp/fresh$$ .; mv fresh$$ fresh',
    'CP there/. web:/tmp; CP web:/d/file out',
  ]) {
    test(copy, async () => {
      const [expected, actual] = await copies(copy);
      assert.equal(actual, expected);
    });
  }
});
