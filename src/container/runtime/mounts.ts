/**
 * @module Mounts of a container: the kernel's file systems, the rendered files of /etc, and what the user asked for.
 *
 * A mount of the user wins over ours at the same place. They are ordered by depth, so that none hides another.
 */

import { PontoonError } from '../../errors.ts';
import type { Mount } from '../types.ts';
import type { BundleInput, Host } from './types.ts';

/** One of `mounts` in config.json. */
export interface OciMount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

export const INIT_PATH = '/sbin/docker-init';
/** The first kernel that changes mounts with all that is below them. @see mount_setattr(2) */
const MOUNT_SETATTR = [5, 12] as const;
const SHM_BYTES = 64 * 1024 * 1024;
/** These stay writable when the root is read-only. */
const WRITABLE = ['/proc', '/dev', '/dev/pts', '/dev/shm', '/dev/mqueue'];
const OPPOSITES: Readonly<Record<string, string>> = Object.fromEntries(
  ['exec', 'suid', 'dev'].flatMap((name) => [
    [name, `no${name}`],
    [`no${name}`, name],
  ]),
);

/** @throws PontoonError feature-missing where the kernel cannot do what a mount must be */
export function containerMounts(input: BundleInput, host: Pick<Host, 'kernel'>): OciMount[] {
  const { spec } = input;
  const privileged = spec.security?.privileged === true;
  const binds = input.mounts.filter(({ type }) => type !== 'tmpfs').map((mount) => bindMount(mount, host));
  const users = [...binds, ...tmpfsMounts(input)];
  const targets = new Set(users.map(({ destination }) => destination));
  const ours = (mounts: OciMount[]) =>
    mounts
      .filter(({ destination }) => !targets.has(destination))
      .filter(({ destination }) => !(targets.has('/dev') && destination.startsWith('/dev/')))
      .map((mount) => (spec.readOnlyRoot && !WRITABLE.includes(mount.destination) ? withOption(mount, 'ro') : mount));
  const others = [...ours(fileMounts(input)), ...users].sort((a, b) => depth(a) - depth(b));
  return [...ours(kernelMounts(input, privileged)), ...others];
}

function kernelMounts({ spec, shmPath, sharedNamespaces }: BundleInput, privileged: boolean): OciMount[] {
  const restricted = ['nosuid', 'noexec', 'nodev'];
  const readOnly = privileged ? [] : ['ro'];
  return [
    { destination: '/proc', type: 'proc', source: 'proc', options: restricted },
    {
      destination: '/dev',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
    },
    {
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
    },
    { destination: '/sys', type: 'sysfs', source: 'sysfs', options: [...restricted, ...readOnly] },
    { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: [...readOnly, ...restricted] },
    { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: restricted },
    ...shmMount(spec.namespaces?.ipc, sharedNamespaces.ipc === 'host' ? '/dev/shm' : shmPath, spec.shmSizeBytes),
  ];
}

function shmMount(mode: string | undefined, path: string | undefined, sizeBytes: number = SHM_BYTES): OciMount[] {
  if (mode === 'none') return [];
  const destination = '/dev/shm';
  if (path !== undefined) return [{ destination, type: 'bind', source: path, options: ['rbind', 'rprivate'] }];
  const options = ['nosuid', 'noexec', 'nodev', 'mode=1777', `size=${sizeBytes || SHM_BYTES}`];
  return [{ destination, type: 'tmpfs', source: 'shm', options }];
}

function fileMounts({ files, initPath, spec }: BundleInput): OciMount[] {
  const mounts: OciMount[] = [];
  const bind = (source: string | undefined, destination: string) => {
    if (source !== undefined) mounts.push({ destination, type: 'bind', source, options: ['rbind', 'rprivate'] });
  };
  bind(files.resolvConf, '/etc/resolv.conf');
  bind(files.hostname, '/etc/hostname');
  bind(files.hosts, '/etc/hosts');
  if (spec.init && initPath !== undefined) {
    mounts.push({ destination: INIT_PATH, type: 'bind', source: initPath, options: ['bind', 'ro'] });
  }
  return mounts;
}

function bindMount(mount: Mount, host: Pick<Host, 'kernel'>): OciMount {
  const { source, target, propagation, recursive = true } = mount;
  // With nothing below, 'rprivate' is 'private'; and crun takes the r for the whole mount's.
  const spread = recursive ? propagation : propagation.replace(/^r/, '');
  const options = [recursive ? 'rbind' : 'bind', ...readOnlyOptions(mount, host), spread];
  return { destination: target, type: 'bind', source, options: options.filter((option) => option !== '') };
}

/** The runtimes' words: 'rro' is for all that is mounted below, too. */
function readOnlyOptions(
  { target, readOnly, recursive = true, readOnlyBelow = 'no' }: Mount,
  { kernel: [major, minor] }: Pick<Host, 'kernel'>,
): string[] {
  if (!readOnly) return [];
  if (!recursive || readOnlyBelow === 'no') return ['ro'];
  if (major > MOUNT_SETATTR[0] || (major === MOUNT_SETATTR[0] && minor >= MOUNT_SETATTR[1])) return ['rro'];
  if (readOnlyBelow === 'if-possible') return ['ro'];
  const message = `${target} cannot be read-only with all that is mounted below: that needs Linux ${MOUNT_SETATTR.join('.')}`;
  throw new PontoonError('feature-missing', message, { subject: target });
}

/** From --tmpfs and --mount type=tmpfs. */
function tmpfsMounts({ spec }: BundleInput): OciMount[] {
  const mounts = new Map<string, OciMount>();
  const add = (destination: string, options: readonly string[]) =>
    mounts.set(destination, {
      destination,
      type: 'tmpfs',
      source: 'tmpfs',
      options: mergeOptions(['noexec', 'nosuid', 'nodev', 'rprivate', ...options]),
    });
  for (const [target, options] of Object.entries(spec.tmpfs ?? {})) {
    add(target, options.split(',').filter(Boolean));
  }
  for (const mount of spec.mounts ?? []) {
    if (mount.type !== 'tmpfs') continue;
    add(mount.target, [
      ...(mount.readOnly ? ['ro'] : []),
      ...(mount.sizeBytes ? [`size=${mount.sizeBytes}`] : []),
      ...(mount.modeBits ? [`mode=${mount.modeBits.toString(8)}`] : []),
    ]);
  }
  return [...mounts.values()];
}

/** The last of contradicting options counts: 'exec' of the user over 'noexec' of ours. */
function mergeOptions(options: readonly string[]): string[] {
  return options.filter((option, index) => {
    const key = option.split('=')[0];
    const overruled = (other: string) => other === OPPOSITES[option] || other.split('=')[0] === key;
    return !options.slice(index + 1).some(overruled);
  });
}

function withOption(mount: OciMount, option: string): OciMount {
  if (mount.options.includes(option)) return mount;
  const [first = '', ...rest] = mount.options;
  return { ...mount, options: [first, option, ...rest] };
}

function depth({ destination }: OciMount): number {
  return destination.split('/').filter(Boolean).length;
}
