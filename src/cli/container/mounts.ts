/**
 * @module The mounts of a container to be: -v, --mount and --tmpfs, as the API takes them.
 * @see docker/cli, opts/mount.go and command/container/opts.go
 */

import { resolve } from 'node:path';
import { PontoonError } from '../../errors.ts';
import { parseBoolean } from '../../text/booleans.ts';
import { parseBytes } from '../go-values.ts';
import { csvFields } from '../values.ts';

/** -v TARGET is an anonymous volume, all else a bind, whose relative source is made absolute where the caller is. */
export function volumesOf(volumes: readonly string[]): {
  readonly anonymous: Readonly<Record<string, object>> | undefined;
  readonly binds: readonly string[] | undefined;
} {
  const binds: string[] = [];
  const anonymous: Record<string, object> = {};
  for (const volume of volumes) {
    const colon = volume.indexOf(':');
    if (colon < 0) anonymous[volume] = {};
    else if (/^[.~]/.test(volume)) binds.push(resolve(volume.slice(0, colon)) + volume.slice(colon));
    else binds.push(volume);
  }
  return {
    anonymous: Object.keys(anonymous).length === 0 ? undefined : anonymous,
    binds: binds.length === 0 ? undefined : binds,
  };
}

/** PATH[:OPTIONS]. */
export function tmpfsOf(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const colon = text.indexOf(':');
      return colon < 0 ? [text, ''] : [text.slice(0, colon), text.slice(colon + 1)];
    }),
  );
}

interface MountBody {
  Type: string;
  Source?: string;
  Target?: string;
  ReadOnly?: boolean;
  Consistency?: string;
  BindOptions?: {
    Propagation?: string;
    NonRecursive?: boolean;
    CreateMountpoint?: boolean;
    ReadOnlyNonRecursive?: boolean;
    ReadOnlyForceRecursive?: boolean;
  };
  VolumeOptions?: {
    NoCopy?: boolean;
    Subpath?: string;
    Labels?: Record<string, string>;
    DriverConfig?: { Name?: string; Options?: Record<string, string> };
  };
  TmpfsOptions?: { SizeBytes?: number; Mode?: number };
}

/** type=…,src=…,dst=…[,FIELD[=VALUE]…]. @throws PontoonError bad-value */
export function mountOf(text: string): MountBody {
  const mount: MountBody = { Type: 'volume' };
  for (const field of csvFields(text)) {
    const equals = field.indexOf('=');
    const key = (equals < 0 ? field : field.slice(0, equals)).toLowerCase();
    const value = equals < 0 ? undefined : field.slice(equals + 1);
    if (!applyField(mount, key, value, text)) throw refuse(text, `there is no field '${key}'`);
  }
  if (mount.Target === undefined) throw refuse(text, 'it has no target (dst=)');
  if (mount.VolumeOptions && mount.Type !== 'volume')
    throw refuse(text, `volume- fields do not fit type=${mount.Type}`);
  if (mount.BindOptions && mount.Type !== 'bind') throw refuse(text, `bind- fields do not fit type=${mount.Type}`);
  if (mount.TmpfsOptions && mount.Type !== 'tmpfs') throw refuse(text, `tmpfs- fields do not fit type=${mount.Type}`);
  return mount;
}

function applyField(mount: MountBody, key: string, value: string | undefined, whole: string): boolean {
  const given = (): string => {
    if (value === undefined) throw refuse(whole, `the field '${key}' needs a value`);
    return value;
  };
  switch (key) {
    case 'type':
      mount.Type = given().toLowerCase();
      return true;
    case 'source':
    case 'src':
      mount.Source = /^\.{1,2}(\/|$)/.test(given()) ? resolve(given()) : given();
      return true;
    case 'target':
    case 'dst':
    case 'destination':
      mount.Target = given();
      return true;
    case 'readonly':
    case 'ro':
      mount.ReadOnly = boolean(value, whole);
      return true;
    case 'consistency':
      mount.Consistency = given().toLowerCase();
      return true;
    case 'bind-propagation':
      mount.BindOptions = { ...mount.BindOptions, Propagation: given().toLowerCase() };
      return true;
    case 'bind-nonrecursive':
      mount.BindOptions = { ...mount.BindOptions, NonRecursive: boolean(value, whole) };
      return true;
    case 'bind-create-src':
      mount.BindOptions = { ...mount.BindOptions, CreateMountpoint: boolean(value, whole) };
      return true;
    case 'bind-recursive':
      mount.BindOptions = { ...mount.BindOptions, ...recursion(given(), whole) };
      return true;
    case 'volume-nocopy':
      mount.VolumeOptions = { ...mount.VolumeOptions, NoCopy: boolean(value, whole) };
      return true;
    case 'volume-subpath':
      mount.VolumeOptions = { ...mount.VolumeOptions, Subpath: given() };
      return true;
    case 'volume-label':
      mount.VolumeOptions = { ...mount.VolumeOptions, Labels: { ...mount.VolumeOptions?.Labels, ...entry(given()) } };
      return true;
    case 'volume-driver':
      mount.VolumeOptions = {
        ...mount.VolumeOptions,
        DriverConfig: { ...mount.VolumeOptions?.DriverConfig, Name: given() },
      };
      return true;
    case 'volume-opt': {
      const { DriverConfig = {} } = mount.VolumeOptions ?? {};
      const Options = { ...DriverConfig.Options, ...entry(given()) };
      mount.VolumeOptions = { ...mount.VolumeOptions, DriverConfig: { ...DriverConfig, Options } };
      return true;
    }
    case 'tmpfs-size':
      mount.TmpfsOptions = { ...mount.TmpfsOptions, SizeBytes: parseBytes(given()) };
      return true;
    case 'tmpfs-mode':
      if (!/^[0-7]+$/.test(given())) throw refuse(whole, `'${value}' is not an octal mode`);
      mount.TmpfsOptions = { ...mount.TmpfsOptions, Mode: Number.parseInt(given(), 8) };
      return true;
    default:
      return false;
  }
}

function recursion(word: string, whole: string): NonNullable<MountBody['BindOptions']> {
  switch (word) {
    case 'enabled':
      return {};
    case 'disabled':
      return { NonRecursive: true };
    case 'writable':
      return { ReadOnlyNonRecursive: true };
    case 'readonly':
      return { ReadOnlyForceRecursive: true };
    default:
      throw refuse(whole, `bind-recursive is enabled, disabled, writable or readonly, not '${word}'`);
  }
}

function boolean(value: string | undefined, whole: string): boolean {
  const said = value === undefined ? true : parseBoolean(value);
  if (said !== undefined) return said;
  throw refuse(whole, `'${value}' is not true or false`);
}

function entry(text: string): Record<string, string> {
  const equals = text.indexOf('=');
  return equals < 0 ? { [text]: '' } : { [text.slice(0, equals)]: text.slice(equals + 1) };
}

function refuse(text: string, why: string): PontoonError {
  return new PontoonError('bad-value', `cannot use the mount '${text}': ${why}`, { subject: text });
}
