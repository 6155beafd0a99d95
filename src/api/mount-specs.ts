/**
 * @module The four ways in which clients ask for mounts: Binds ("/host:/in:ro", "volume:/in"), Mounts, Volumes
 * ({"/in": {}}, each an anonymous volume) and, left alone here, Tmpfs.
 */

import { posix } from 'node:path';
import type { MountSpec } from '../container/types.ts';
import { badRequest, notImplemented } from './errors.ts';
import { given, unlessEmpty } from './given.ts';
import type { HostConfig } from './schemas/host-config.ts';

type Mount = NonNullable<HostConfig['Mounts']>[number];

/** The first version in which what is mounted below a read-only bind is read-only, too. */
const READ_ONLY_BELOW_MINOR = 44;
const PROPAGATIONS = ['private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave'];
/** What makes no difference here: SELinux labels, and the consistency of Docker for Mac. */
const PASSED_OVER = ['rw', 'z', 'Z', 'consistent', 'cached', 'delegated', 'default', 'bind-recursive'];
const VOLUME_NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

/** Every mount of a create. A volume at a path that something else is mounted on is not wanted. @throws HttpError */
export function mountSpecs(
  hostConfig: HostConfig,
  volumes: Readonly<Record<string, unknown>> = {},
  minor: number = READ_ONLY_BELOW_MINOR,
): MountSpec[] {
  if ((hostConfig.VolumeDriver ?? 'local') !== 'local' && hostConfig.VolumeDriver !== '') {
    throw noDriver(hostConfig.VolumeDriver!);
  }
  const asked = [...(hostConfig.Binds ?? []).map(bindSpec), ...(hostConfig.Mounts ?? []).map(mountSpec)].map((mount) =>
    mount.type === 'bind' && mount.readOnly === true && minor >= READ_ONLY_BELOW_MINOR
      ? { readOnlyBelow: 'if-possible' as const, ...mount }
      : mount,
  );
  const taken = new Set([...asked.map(({ target }) => target), ...Object.keys(hostConfig.Tmpfs ?? {})].map(normal));
  const anonymous = Object.keys(volumes)
    // Old clients write binds here, too: {"/host:/in": {}}.
    .map((text) => (text.includes(':') ? bindSpec(text) : { type: 'volume' as const, target: absolute(text, text) }))
    .filter(({ target }) => !taken.has(normal(target)));
  return [...asked, ...anonymous];
}

/** The options of a bind: "ro,z" in "/host:/in:ro,z"; '' where there are none. */
export function bindOptions(bind: string): { readonly target: string; readonly options: string } {
  const [first = '', second, options = ''] = bind.split(':');
  return { target: second ?? first, options };
}

function bindSpec(text: string): MountSpec {
  const parts = text.split(':');
  if (parts.length > 3 || parts.includes('')) throw invalid(text, 'write SOURCE:TARGET or SOURCE:TARGET:OPTIONS');
  if (parts.length === 1) return { type: 'volume', target: absolute(text, text) };
  const [source, target, options = ''] = parts as [string, string, string?];
  absolute(target, text);
  const flags = flagsOf(text, options);
  if (posix.isAbsolute(source)) {
    return { type: 'bind', source, target, createSource: true, ...flags };
  }
  if (!VOLUME_NAME.test(source)) {
    throw invalid(
      text,
      `"${source}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. ` +
        'If you intended to pass a host directory, use absolute path',
    );
  }
  return { type: 'volume', source, target, ...flags };
}

function flagsOf(bind: string, options: string): Pick<MountSpec, 'readOnly' | 'noCopy' | 'propagation'> {
  const flags: { readOnly?: boolean; noCopy?: boolean; propagation?: string } = {};
  for (const option of options.split(',').filter((part) => part !== '')) {
    if (option === 'ro') flags.readOnly = true;
    else if (option === 'nocopy') flags.noCopy = true;
    else if (PROPAGATIONS.includes(option)) flags.propagation = option;
    else if (!PASSED_OVER.includes(option)) throw invalid(bind, `invalid mode: ${option}`);
  }
  return flags;
}

function mountSpec(mount: Mount): MountSpec {
  const { Type: type, Source, Target = '', ReadOnly, BindOptions, VolumeOptions, TmpfsOptions } = mount;
  const refuse = (why: string): Error => badRequest(`invalid mount config for type "${type ?? ''}": ${why}`);
  if (Target === '') throw refuse('field Target must not be empty');
  if (!posix.isAbsolute(Target)) throw refuse(`invalid mount path: '${Target}' mount path must be absolute`);
  const source = unlessEmpty(Source);
  const common = { target: Target, ...given({ readOnly: ReadOnly }) };
  switch (type) {
    case 'bind':
      if (source === undefined) throw refuse('field Source must not be empty');
      if (!posix.isAbsolute(source)) throw refuse(`invalid mount path: '${source}' mount path must be absolute`);
      return {
        type,
        source,
        ...common,
        ...given({ propagation: unlessEmpty(BindOptions?.Propagation), createSource: BindOptions?.CreateMountpoint }),
        ...recursion(mount, refuse),
      };
    case 'volume': {
      const { NoCopy, Labels, DriverConfig, Subpath } = VolumeOptions ?? {};
      if ((DriverConfig?.Name ?? 'local') !== 'local' && DriverConfig?.Name !== '') throw noDriver(DriverConfig!.Name!);
      if (unlessEmpty(Subpath) !== undefined) throw notImplemented('Pontoon mounts volumes whole: leave Subpath out');
      return {
        type,
        ...common,
        ...given({ source, noCopy: NoCopy, volumeLabels: Labels, volumeOptions: DriverConfig?.Options }),
      };
    }
    case 'tmpfs':
      if (source !== undefined) throw refuse('field Source must not be specified');
      return { type, ...common, ...given({ sizeBytes: TmpfsOptions?.SizeBytes, modeBits: TmpfsOptions?.Mode }) };
    default:
      throw badRequest(`mount type unknown: '${type ?? ''}': use bind, volume or tmpfs`);
  }
}

/** @throws what `refuse` makes, in dockerd's words */
function recursion(
  { ReadOnly = false, BindOptions = {} }: Mount,
  refuse: (why: string) => Error,
): Pick<MountSpec, 'recursive' | 'readOnlyBelow'> {
  const {
    NonRecursive = false,
    ReadOnlyNonRecursive = false,
    ReadOnlyForceRecursive = false,
    Propagation,
  } = BindOptions;
  if (ReadOnlyNonRecursive && !ReadOnly) throw refuse('mount must be read-only for ReadOnlyNonRecursive');
  if (ReadOnlyForceRecursive) {
    if (!ReadOnly) throw refuse('mount must be read-only for ReadOnlyForceRecursive');
    if (ReadOnlyNonRecursive) throw refuse('ReadOnlyNonRecursive and ReadOnlyForceRecursive exclude each other');
    if (NonRecursive) throw refuse('NonRecursive and ReadOnlyForceRecursive exclude each other');
    if (Propagation !== 'rprivate') throw refuse('ReadOnlyForceRecursive needs the propagation rprivate');
  }
  return {
    ...(NonRecursive && { recursive: false }),
    ...(ReadOnlyNonRecursive && { readOnlyBelow: 'no' }),
    ...(ReadOnlyForceRecursive && { readOnlyBelow: 'always' }),
  };
}

function absolute(target: string, bind: string): string {
  if (posix.isAbsolute(target)) return target;
  throw invalid(bind, `invalid mount path: '${target}' mount path must be absolute`);
}

function normal(path: string): string {
  return posix.resolve('/', path);
}

function invalid(bind: string, why: string): Error {
  return badRequest(`invalid volume specification: '${bind}': ${why}`);
}

function noDriver(name: string): Error {
  return badRequest(`plugin "${name}" not found: Pontoon has the volume driver 'local'`);
}
