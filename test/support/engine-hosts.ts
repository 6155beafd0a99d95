/**
 * @module The same four containers on Docker, Podman and Pontoon, each on a host with a neighbour: see explain-host.ts.
 */

import { join } from 'node:path';
import { takeSnapshot } from '../../src/observe/snapshot/take.ts';
import { DockerShell } from './docker.ts';
import { type EngineHost, type HostMaker, prepareLan, sh } from './explain-host.ts';
import { type ForeignEngine, lacks, PODMAN_RUN, startDocker, startPodman } from './foreign-engines.ts';

const SERVER = ['httpd', '-f', '-p', '80', '-h', '/bin'];
const NAMES = ['web', 'db', 'plain'] as const;
const FLAGS: Readonly<Record<(typeof NAMES)[number], readonly string[]>> = {
  web: ['--network', 'front', '-p', '8080:80'],
  db: ['--network', 'front'],
  plain: ['-p', '127.0.0.1:8081:80'],
};

export const DOCKER_HOST: HostMaker = {
  open: async () => {
    prepareLan();
    return foreign('docker:', await startDocker(), ['run', '--detach'], true);
  },
  skip: lacks('dockerd', 'docker', 'busybox', 'iptables'),
};

export const PODMAN_HOST: HostMaker = {
  open: async () => {
    prepareLan();
    // Podman of Debian 12 lets networks reach each other.
    return foreign('podman:', startPodman(), PODMAN_RUN, false);
  },
  skip: lacks('podman', 'conmon', 'crun', 'busybox', 'iptables'),
};

function foreign(
  prefix: string,
  engine: ForeignEngine,
  begin: readonly string[],
  isolates: boolean,
): EngineHost & AsyncDisposable {
  engine.run('network', 'create', 'front');
  for (const name of NAMES) engine.run(...begin, '--name', name, ...FLAGS[name], 'busybox', ...SERVER);
  return {
    prefix,
    pidOf: (name) => Number(engine.run('inspect', '--format', '{{.State.Pid}}', name)),
    snapshot: () => takeSnapshot(),
    unmasquerade: () => {
      sh('iptables -t nat -F POSTROUTING');
    },
    isolates,
    [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose](),
  };
}

export const PONTOON_HOST: HostMaker = {
  open: async () => {
    prepareLan();
    const { daemon, docker } = await DockerShell.open();
    await docker.run('docker network create front');
    const pids = new Map<string, number>();
    for (const name of NAMES) {
      await docker.run(`docker run -d --name ${name} ${FLAGS[name].join(' ')} pontoon/busybox ${SERVER.join(' ')}`);
      pids.set(name, Number(await docker.out(`docker inspect --format '{{.State.Pid}}' ${name}`)));
    }
    const { directory, socketPath } = daemon;
    return {
      prefix: 'pontoon:',
      pidOf: (name) => pids.get(name) ?? 0,
      snapshot: () =>
        takeSnapshot({
          runRoot: join(directory, 'run'),
          containers: { pontoon: { socket: socketPath, pidFile: join(directory, 'pid') } },
        }),
      unmasquerade: () => {
        sh('nft flush chain inet pontoon postrouting');
      },
      isolates: true,
      [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose](),
    };
  },
  skip: false,
};
