/**
 * @module Real Docker and Podman in the file's private world, as a host has them: their own directories are in memory, and
 * whatever they make ends with the world. Their image holds one static program, busybox.
 */

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

const APPLETS = ['sh', 'sleep', 'nc', 'ping', 'httpd', 'ip', 'wget', 'cat', 'nslookup'];
/** Only to see a hang. */
const PATIENCE_MS = 60_000;
const IMAGE_DIRECTORY = '/run/busybox-image';
const DOCKER = '/run/docker-world';
const SOCKET = '/run/docker.sock';

/** Why a test with an engine cannot run here; false where it can. */
export function lacks(...programs: string[]): string | false {
  const missing = programs.filter((program) => spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0);
  return missing.length === 0 ? false : `${missing.join(', ')} not installed`;
}

export interface ForeignEngine extends AsyncDisposable {
  /** Runs the engine's own command line, and returns what it prints. @throws Error with what it said */
  readonly run: (...words: string[]) => string;
}

/** A Docker daemon where everybody has it, with the image 'busybox'. */
export async function startDocker(): Promise<ForeignEngine> {
  prepareWorld();
  mkdirSync(DOCKER, { recursive: true });
  const data = mountMemory('/var/lib/docker');
  writeFileSync(join(DOCKER, 'daemon.json'), '{}');
  const log = join(DOCKER, 'log');
  const cgroup = `pontoon-test-${process.ppid}-${Date.now()}`;
  const output = openSync(log, 'a');
  const daemon = spawn(
    'dockerd',
    [
      ...[`--host=unix://${SOCKET}`, `--config-file=${join(DOCKER, 'daemon.json')}`, '--pidfile=/run/docker.pid'],
      ...[`--cgroup-parent=/${cgroup}`, '--exec-opt=native.cgroupdriver=cgroupfs', '--storage-driver=overlay2'],
    ],
    { stdio: ['ignore', output, output] },
  );
  const run = runner('docker', ['--host', `unix://${SOCKET}`], {});
  const end = performance.now() + PATIENCE_MS;
  while (spawnSync('docker', ['--host', `unix://${SOCKET}`, 'version']).status !== 0) {
    if (performance.now() > end || daemon.exitCode !== null)
      throw new Error(`no dockerd: ${readFileSync(log, 'utf8').slice(-2000)}`);
    await setTimeout(100);
  }
  execFileSync('sh', ['-c', `tar -C ${IMAGE_DIRECTORY} -c . | docker --host unix://${SOCKET} import - busybox`]);
  return {
    run,
    async [Symbol.asyncDispose]() {
      const ids = run('ps', '-aq').split('\n').filter(Boolean);
      if (ids.length > 0) run('rm', '--force', ...ids);
      const ended = new Promise((resolve) => daemon.once('exit', resolve));
      daemon.kill();
      await ended;
      removeCgroups(cgroup);
      data[Symbol.dispose]();
    },
  };
}

/** Podman, with the image 'busybox'. */
export function startPodman(): ForeignEngine {
  prepareWorld();
  const data = mountMemory('/var/lib/containers');
  execFileSync('sh', ['-ec', 'cp -r /etc/containers /run/etc-containers']);
  mountMemory('/etc/containers');
  execFileSync('sh', ['-ec', 'cp -r /run/etc-containers/. /etc/containers']);
  const run = runner('podman', ['--cgroup-manager=cgroupfs', '--runtime=crun', '--events-backend=file'], {});
  execFileSync('sh', ['-c', `tar -C ${IMAGE_DIRECTORY} -c . | podman import - busybox`], { stdio: 'pipe' });
  return {
    run,
    async [Symbol.asyncDispose]() {
      // Those that share another's stack go first; podman does not order them.
      while (run('ps', '--all', '--quiet') !== '') {
        spawnSync('podman', ['--cgroup-manager=cgroupfs', '--runtime=crun', 'rm', '--force', '--all', '--time', '0']);
      }
      data[Symbol.dispose]();
    },
  };
}

/** Flags that a container of Podman needs where cgroups are not the second version alone. */
export const PODMAN_RUN = ['run', '--detach', '--cgroups=disabled'];

function runner(program: string, flags: readonly string[], env: Record<string, string>): ForeignEngine['run'] {
  return (...words) =>
    execFileSync(program, [...flags, ...words], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
      timeout: PATIENCE_MS,
    }).trim();
}

/** sysfs shows the network namespace that mounted it: an engine must see its own bridges. crun refuses two kinds of cgroups. */
function prepareWorld(): void {
  if (existsSync(IMAGE_DIRECTORY)) return;
  execFileSync('sh', [
    '-ec',
    `mkdir -p /run/cgroup && mount --rbind /sys/fs/cgroup /run/cgroup
     mount -t sysfs sysfs /sys && mount --rbind /run/cgroup /sys/fs/cgroup
     if mountpoint -q /sys/fs/cgroup/unified; then umount /sys/fs/cgroup/unified; fi
     ip link set lo up`,
  ]);
  const bin = join(IMAGE_DIRECTORY, 'bin');
  mkdirSync(bin, { recursive: true });
  copyFileSync('/bin/busybox', join(bin, 'busybox'));
  for (const applet of APPLETS) symlinkSync('busybox', join(bin, applet));
}

/** Puts an empty directory in memory at a path; disposed of, the machine has no more directories than before. */
function mountMemory(path: string): Disposable {
  const made = mkdirSync(path, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', path]);
  return {
    [Symbol.dispose]() {
      execFileSync('umount', ['--lazy', path]);
      if (made === path) rmdirSync(path);
    },
  };
}

function removeCgroups(name: string): void {
  for (const root of globSync(`/sys/fs/cgroup/*/${name}`)) {
    const below = globSync('**/', { cwd: root });
    for (const path of below.sort((a, b) => b.length - a.length)) rmdirSync(join(root, path));
    if (existsSync(root)) rmdirSync(root);
  }
}
