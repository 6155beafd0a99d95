/**
 * @module Devices: which nodes a container sees, and which its cgroup lets it open.
 */

import type { Stats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PontoonError } from '../../errors.ts';
import { deviceNumbers } from '../../kernel/special-file.ts';
import type { DeviceSpec } from '../types.ts';
import type { Device } from './types.ts';

/** One of linux.resources.devices: the later rule wins. */
export interface DeviceRule {
  readonly allow: boolean;
  readonly type?: string;
  readonly major?: number;
  readonly minor?: number;
  readonly access: string;
}

const S_IFMT = 0o170000;
const S_IFBLK = 0o060000;
const S_IFCHR = 0o020000;

/** zero, null, urandom, random, tty, console. The runtime adds what it makes itself: full, ptmx, the terminals. */
const ALWAYS: readonly (readonly [major: number, minor: number])[] = [
  [1, 5],
  [1, 3],
  [1, 9],
  [1, 8],
  [5, 0],
  [5, 1],
];
/** Below these nobody finds devices of the machine, but terminals and what others have mounted. */
const NOT_DEVICES = ['pts', 'shm', 'fd', 'mqueue', '.lxc', '.lxd-mounts', '.udev', 'console'];

export function deviceRules(devices: readonly Device[], privileged: boolean): DeviceRule[] {
  if (privileged) return [{ allow: true, access: 'rwm' }];
  return [
    { allow: false, access: 'rwm' },
    ...ALWAYS.map(([major, minor]) => ({ allow: true, type: 'c', major, minor, access: 'rwm' })),
    ...devices.map(({ type, major, minor, access }) => ({ allow: true, type, major, minor, access })),
  ];
}

/** linux.devices of config.json. */
export function deviceNodes(devices: readonly Device[]) {
  return devices.map(({ access: _, ...node }) => node);
}

/**
 * The devices that a container gets: those that are named (a directory stands for all below it), or all of the host.
 * @throws PontoonError bad-value where a path is no device
 */
export async function findDevices(specs: readonly DeviceSpec[], privileged: boolean): Promise<Device[]> {
  const found = await Promise.all(specs.map(findNamed));
  return privileged ? [...(await walk('/dev', '/dev', 'rwm')), ...found.flat()] : found.flat();
}

async function findNamed({ hostPath, containerPath, permissions }: DeviceSpec): Promise<Device[]> {
  const access = permissions || 'rwm';
  const failure = (cause?: unknown) =>
    new PontoonError(
      'bad-value',
      `error gathering device information while adding custom device "${hostPath}": ${cause === undefined ? 'not a device node' : 'no such file or directory'}`,
      { cause, subject: hostPath },
    );
  const status = await stat(hostPath).catch((error) => {
    throw failure(error);
  });
  if (status.isDirectory()) return walk(hostPath, containerPath || hostPath, access);
  const device = deviceOf(status, containerPath || hostPath, access);
  if (device === undefined) throw failure();
  return [device];
}

async function walk(directory: string, containerDirectory: string, access: string): Promise<Device[]> {
  const devices: Device[] = [];
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    const containerPath = join(containerDirectory, entry.name);
    if (NOT_DEVICES.includes(entry.name)) continue;
    if (entry.isDirectory()) devices.push(...(await walk(path, containerPath, access)));
    else if (entry.isBlockDevice() || entry.isCharacterDevice()) {
      const status = await stat(path).catch(() => undefined); // unplugged meanwhile
      const device = status && deviceOf(status, containerPath, access);
      if (device !== undefined) devices.push(device);
    }
  }
  return devices;
}

function deviceOf(status: Stats, path: string, access: string): Device | undefined {
  const { mode, uid, gid } = status;
  const type = (mode & S_IFMT) === S_IFBLK ? 'b' : (mode & S_IFMT) === S_IFCHR ? 'c' : undefined;
  if (type === undefined) return undefined;
  return { path, type, ...deviceNumbers(status), fileMode: mode & 0o777, uid, gid, access };
}
