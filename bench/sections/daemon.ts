/**
 * @module daemon: the docker command on Pontoon's daemon and on Docker's, with the same root, each in a host of its own.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { untilAnswered } from '../dataplane/tools.ts';
import type { EngineSocket } from '../lib/engine-socket.ts';
import { run, runIn } from '../lib/exec.ts';
import { processes } from '../lib/processes.ts';
import { quiet } from '../lib/quiet.ts';
import type { Row, Section } from '../lib/report.ts';
import { interleaved, timeMs } from '../lib/stats.ts';
import { WORK } from '../lib/world.ts';
import { Dockerd } from '../peers/dockerd.ts';
import { Pontoond } from '../peers/pontoond.ts';

const IMAGE = 'bench-busybox';
const AT_ONCE = 50;
const MB = 1e6;

/** What both daemons are. */
interface Host {
  readonly socket: EngineSocket;
  readonly namespace: string;
}

export const daemon: Section = {
  name: 'daemon',
  about: 'the docker command line on both daemons: containers, networks, ports, memory',
  async run({ rounds }) {
    await compileOurs();
    await using theirs = await Dockerd.start('docker-daemon');
    await using ours = await Pontoond.start('pontoon-daemon');
    const both = [ours, theirs];
    await importImage(both);
    const beside = async (
      what: string,
      measure: (host: Host) => Promise<number>,
      timesBetter: number | undefined,
    ): Promise<Row> => {
      for (const host of both) await measure(host);
      const [pontoon, value] = await interleaved(
        Math.max(5, rounds),
        both.map((host) => () => apart(() => measure(host))),
      );
      return {
        what,
        unit: 'ms',
        better: 'lower',
        pontoon: pontoon!,
        peer: { name: 'dockerd', value: value! },
        ...(timesBetter === undefined ? {} : { goal: { timesBetter } }),
      };
    };
    const rows = [
      await beside(
        'docker --version: the command line alone',
        (host) => timeMs(() => docker(host, '--version')),
        undefined,
      ),
      daemonMemory(ours, 'memory of the idle daemon', { timesBetter: 1 }),
      await beside(
        `docker run --rm ${IMAGE} true`,
        (host) => timeMs(() => docker(host, 'run', '--rm', IMAGE, 'true')),
        5,
      ),
      await beside('create and start by the API, to the first answer', firstAnswer, 5),
      await beside('docker run, then curl until it answers', runAndCurl, undefined),
      await beside('docker network create and rm', networkMs, 5),
      await beside(`${AT_ONCE} containers started at once`, startMany, 4),
    ];
    const [range, one] = await interleaved(Math.max(5, rounds), [
      () => apart(() => publish(ours, '10000-10999:10000-10999')),
      () => apart(() => publish(ours, '10000:10000')),
    ]);
    rows.push({
      what: 'docker run with 1,000 ports',
      unit: 'ms',
      better: 'lower',
      pontoon: range!,
      peer: { name: 'one port', value: one! },
      goal: { timesWorse: 1.1 },
    });
    return [...rows, daemonMemory(ours, 'memory of the daemon after all that', undefined), await containerMemory(both)];
  },
};

/**
 * In a checkout the first daemon takes the types out of the sources, as no daemon of a package does, and keeps what that
 * takes. It leaves the result to the next one.
 */
async function compileOurs(): Promise<void> {
  await using first = await Pontoond.start('pontoon-compile');
  await importImage([first]);
  await docker(first, 'run', '--rm', IMAGE, 'true');
}

/** Measures when nobody works, so that nobody pays for what another one still does. */
async function apart(measure: () => Promise<number>): Promise<number> {
  await quiet();
  return measure();
}

async function importImage(hosts: readonly Host[]): Promise<void> {
  const root = join(WORK, 'busybox');
  const script =
    'mkdir -p "$0/bin" && cp /bin/busybox "$0/bin" && for a in true sleep httpd sh; do ln -sf busybox "$0/bin/$a"; done && tar -C "$0" -cf "$0.tar" .';
  await run('sh', ['-ec', script, root]);
  const archive = readFileSync(`${root}.tar`);
  for (const { socket } of hosts)
    await socket.call('POST', `/images/create?fromSrc=-&repo=${IMAGE}&tag=latest`, archive);
}

async function docker({ socket }: Host, ...words: string[]): Promise<string> {
  return (await run('docker', ['--host', `unix://${socket.path}`, ...words])).trim();
}

/** From the request to create a container to the first byte of its web server's answer on a published port. */
async function firstAnswer({ socket, namespace }: Host): Promise<number> {
  const ms = await timeMs(async () => {
    const { Id } = await socket.call<{ Id: string }>('POST', '/containers/create?name=first', {
      Image: IMAGE,
      Cmd: ['httpd', '-f', '-p', '80', '-h', '/bin'],
      ExposedPorts: { '80/tcp': {} },
      HostConfig: { PortBindings: { '80/tcp': [{ HostPort: '8080' }] } },
    });
    await socket.call('POST', `/containers/${Id}/start`);
    // Only now: Docker's proxy would answer one who asks earlier after a second.
    await untilAnswered(namespace, 8080);
  });
  await socket.call('DELETE', '/containers/first?force=1');
  return ms;
}

/** The same as somebody at a terminal has it, with two more programs. */
async function runAndCurl(host: Host): Promise<number> {
  const line = `docker --host unix://${host.socket.path} run -d --name first -p 8080:80 ${IMAGE} httpd -f -p 80 -h /bin >/dev/null; until curl -so /dev/null http://127.0.0.1:8080/true; do :; done`;
  const ms = await timeMs(() => runIn(host.namespace, 'sh', ['-ec', line]));
  await docker(host, 'rm', '-f', 'first');
  return ms;
}

function networkMs(host: Host): Promise<number> {
  return timeMs(async () => {
    await docker(host, 'network', 'create', 'bench');
    await docker(host, 'network', 'rm', 'bench');
  });
}

/** By the API, so that fifty command lines do not compete with the daemon for the processors. */
async function startMany({ socket }: Host): Promise<number> {
  const ids: string[] = [];
  for (let n = 0; n < AT_ONCE; n += 1) {
    const { Id } = await socket.call<{ Id: string }>('POST', '/containers/create', {
      Image: IMAGE,
      Cmd: ['sleep', '600'],
    });
    ids.push(Id);
  }
  const ms = await timeMs(() => Promise.all(ids.map((id) => socket.call('POST', `/containers/${id}/start`))));
  await Promise.all(ids.map((id) => socket.call('DELETE', `/containers/${id}?force=1`)));
  return ms;
}

async function publish(host: Host, ports: string): Promise<number> {
  const ms = await timeMs(() => docker(host, 'run', '-d', '--name', 'ports', '-p', ports, IMAGE, 'sleep', '600'));
  await docker(host, 'rm', '-f', 'ports');
  return ms;
}

/** Resident memory of the daemons with nothing to do. */
function daemonMemory(ours: Pontoond, what: string, goal: Row['goal']): Row {
  const own = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${ours.pid}/status`, 'utf8'))?.[1]) * 1024;
  const peer = { name: 'dockerd', value: residentMb('dockerd', 'containerd') };
  return { what, unit: 'MB', better: 'lower', pontoon: own / MB, peer, ...(goal === undefined ? {} : { goal }) };
}

function residentMb(...names: string[]): number {
  const found = processes().filter(({ name }) => names.includes(name));
  return found.reduce((sum, { residentBytes }) => sum + residentBytes, 0) / MB;
}

/** All that stays running for one container. */
async function containerMemory(hosts: readonly Host[]): Promise<Row> {
  const count = 10;
  const each = async (...words: string[]) => {
    for (const host of hosts)
      for (let n = 0; n < count; n += 1) await docker(host, ...words.map((word) => word.replace('#', String(n))));
  };
  await each('run', '-d', '--name', 'idle#', IMAGE, 'sleep', '600');
  const row: Row = {
    what: 'memory of what stays running for a container',
    unit: 'MB',
    better: 'lower',
    pontoon: residentMb('conmon') / count,
    peer: { name: 'dockerd', value: residentMb('containerd-shim') / count },
    goal: { timesBetter: 3 },
  };
  await each('rm', '-f', 'idle#');
  return row;
}
