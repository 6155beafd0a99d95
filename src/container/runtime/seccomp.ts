/**
 * @module Seccomp: from a profile in Docker's format to the runtime's, for one machine and one set of capabilities.
 * @see the runtime-spec, config-linux.md, Seccomp
 */

import { PontoonError } from '../../errors.ts';
import type { SeccompArgument, SeccompFilter, SeccompProfile } from './seccomp-profile.ts';
import type { Host } from './types.ts';

/** linux.seccomp of config.json. */
export interface OciSeccomp {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly architectures?: readonly string[];
  readonly flags?: readonly string[];
  readonly syscalls: readonly {
    readonly names: readonly string[];
    readonly action: string;
    readonly errnoRet?: number;
    readonly args?: readonly SeccompArgument[];
  }[];
}

/** By process.arch: as profiles name the architecture in rules, and as libseccomp does. */
const ARCHITECTURES: Readonly<Record<string, readonly [rule: string, libseccomp: string]>> = {
  x64: ['amd64', 'SCMP_ARCH_X86_64'],
  ia32: ['x86', 'SCMP_ARCH_X86'],
  arm64: ['arm64', 'SCMP_ARCH_AARCH64'],
  arm: ['arm', 'SCMP_ARCH_ARM'],
  ppc64: ['ppc64le', 'SCMP_ARCH_PPC64LE'],
  riscv64: ['riscv64', 'SCMP_ARCH_RISCV64'],
  s390x: ['s390x', 'SCMP_ARCH_S390X'],
};

/** Keeps the rules that hold here, without their conditions. */
export function resolveSeccomp(
  profile: SeccompProfile,
  capabilities: readonly string[],
  host: Pick<Host, 'architecture' | 'kernel'>,
): OciSeccomp {
  const [architecture, native] = ARCHITECTURES[host.architecture] ?? [host.architecture, ''];
  const mapped = profile.archMap?.find((entry) => entry.architecture === native);
  const architectures =
    mapped === undefined ? profile.architectures : [mapped.architecture, ...(mapped.subArchitectures ?? [])];
  const holds = ({ includes = {}, excludes = {} }: { includes?: SeccompFilter; excludes?: SeccompFilter }): boolean => {
    if (excludes.arches?.includes(architecture)) return false;
    if (excludes.caps?.some((name) => capabilities.includes(name))) return false;
    if (excludes.minKernel !== undefined && isAtLeast(host.kernel, excludes.minKernel)) return false;
    if (includes.arches?.length && !includes.arches.includes(architecture)) return false;
    if (!(includes.caps ?? []).every((name) => capabilities.includes(name))) return false;
    return includes.minKernel === undefined || isAtLeast(host.kernel, includes.minKernel);
  };
  return {
    defaultAction: profile.defaultAction,
    ...(profile.defaultErrnoRet === undefined ? {} : { defaultErrnoRet: profile.defaultErrnoRet }),
    ...(architectures === undefined ? {} : { architectures }),
    ...(profile.flags === undefined ? {} : { flags: profile.flags }),
    syscalls: (profile.syscalls ?? []).filter(holds).map(({ names, name, action, errnoRet, args }) => ({
      names: names ?? (name === undefined ? [] : [name]),
      action,
      ...(errnoRet === undefined ? {} : { errnoRet }),
      ...(args?.length ? { args } : {}),
    })),
  };
}

/** A profile as `--security-opt seccomp={…}` brings it. @throws PontoonError bad-value */
export function parseSeccompProfile(text: string): SeccompProfile {
  let profile: unknown;
  try {
    profile = JSON.parse(text);
  } catch (cause) {
    throw new PontoonError('bad-value', `opening seccomp profile (${text.slice(0, 60)}) failed: not JSON`, { cause });
  }
  if (typeof profile !== 'object' || profile === null || !('defaultAction' in profile)) {
    throw new PontoonError('bad-value', 'Decoding seccomp profile failed: it has no defaultAction');
  }
  return profile as SeccompProfile;
}

function isAtLeast(kernel: readonly [number, number], minimum: string): boolean {
  const [major = 0, minor = 0] = minimum.split('.').map(Number);
  return kernel[0] > major || (kernel[0] === major && kernel[1] >= minor);
}
