/**
 * @module Security options: what `--security-opt` says, and which paths of /proc and /sys are hidden or read-only.
 */

import { PontoonError } from '../../errors.ts';
import type { SecuritySpec } from '../types.ts';
import { containerCapabilities } from './capabilities.ts';
import { MASKED_PATHS, READONLY_PATHS } from './hidden-paths.ts';
import { parseSeccompProfile } from './seccomp.ts';
import { DEFAULT_SECCOMP_PROFILE, type SeccompProfile } from './seccomp-profile.ts';
import type { Host } from './types.ts';

export interface Security {
  readonly noNewPrivileges: boolean;
  /** undefined: unconfined. */
  readonly seccomp: SeccompProfile | undefined;
  readonly apparmor: string | undefined;
  readonly maskedPaths: readonly string[];
  readonly readonlyPaths: readonly string[];
}

/** @throws PontoonError bad-value for an option that is not known */
export function resolveSecurity(spec: SecuritySpec): Security {
  const privileged = spec.privileged === true;
  let noNewPrivileges = false;
  let seccomp: SeccompProfile | undefined = privileged ? undefined : DEFAULT_SECCOMP_PROFILE;
  let apparmor: string | undefined;
  let systemPaths = !privileged;
  for (const option of spec.options ?? []) {
    // Old clients write NAME:VALUE; a profile is full of both signs, so the first of either counts.
    const [, name = option, value = ''] = /^([^=:]+)[=:]([\s\S]*)$/.exec(option) ?? [];
    if (name === 'no-new-privileges') noNewPrivileges = value === '' || parseBoolean(option, value);
    else if (name === 'seccomp') seccomp = seccompOf(value);
    else if (name === 'apparmor') apparmor = value === 'unconfined' ? undefined : value;
    else if (name === 'systempaths' && value === 'unconfined') systemPaths = false;
    else if (name !== 'label' && name !== 'writable-cgroups') {
      throw new PontoonError('bad-value', `invalid --security-opt 2: "${option}"`, { subject: option });
    }
  }
  return {
    noNewPrivileges,
    seccomp,
    apparmor,
    maskedPaths: systemPaths ? (spec.maskedPaths ?? MASKED_PATHS) : [],
    readonlyPaths: systemPaths ? (spec.readonlyPaths ?? READONLY_PATHS) : [],
  };
}

/** What can be said before the container starts. @throws PontoonError bad-value, no-privilege */
export function checkSecurity(spec: SecuritySpec, host: Pick<Host, 'capabilities'>): void {
  resolveSecurity(spec);
  containerCapabilities(spec, host.capabilities);
}

function seccompOf(value: string): SeccompProfile | undefined {
  if (value === 'unconfined') return undefined;
  return value === 'builtin' || value === '' ? DEFAULT_SECCOMP_PROFILE : parseSeccompProfile(value);
}

function parseBoolean(option: string, value: string): boolean {
  if (value === 'true' || value === 'false') return value === 'true';
  throw new PontoonError('bad-value', `invalid --security-opt: "${option}": say true or false`, { subject: option });
}
