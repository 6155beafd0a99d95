/**
 * @module Capabilities of a container's process: Docker's default set, changed by --cap-add, --cap-drop and --privileged.
 * @see capabilities(7), linux/capability.h
 */

import { PontoonError } from '../../errors.ts';
import type { SecuritySpec } from '../types.ts';

/** By number, from 0. */
export const CAPABILITIES: readonly string[] = `
  CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE
  NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN
  SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE
  MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE`
  .trim()
  .split(/\s+/)
  .map((name) => `CAP_${name}`);

/** What a container has unless it is told otherwise. */
export const DEFAULT_CAPABILITIES: readonly string[] = `
  CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL
  AUDIT_WRITE`
  .trim()
  .split(/\s+/)
  .map((name) => `CAP_${name}`);

const ALL = 'ALL';

/** The names in a mask such as CapBnd of /proc/self/status. */
export function capabilitiesOfMask(mask: bigint): string[] {
  return CAPABILITIES.filter((_, number) => (mask >> BigInt(number)) & 1n);
}

/**
 * The capabilities of a container's processes (their bounding set). What this process itself does not have it cannot
 * give: 'ALL' and the defaults are cut to `available`, a single one that was asked for is an error.
 * @throws PontoonError bad-value for an unknown name, no-privilege for one that is not available
 */
export function containerCapabilities(security: SecuritySpec, available: readonly string[]): string[] {
  const add = (security.capAdd ?? []).map((name) => normalise(name, 'CapAdd'));
  const drop = (security.capDrop ?? []).map((name) => normalise(name, 'CapDrop'));
  if (security.privileged) return [...available];
  if (add.includes(ALL)) return available.filter((name) => !drop.includes(name));
  const missing = add.find((name) => !available.includes(name));
  if (missing !== undefined) {
    throw new PontoonError('no-privilege', `${missing} cannot be added: the daemon itself does not have it`, {
      subject: missing,
    });
  }
  if (drop.includes(ALL)) return [...new Set(add)];
  const kept = DEFAULT_CAPABILITIES.filter((name) => available.includes(name) && !drop.includes(name));
  return [...new Set([...kept, ...add])];
}

/** The sets of a process with these capabilities: root has them in effect, another user may not go beyond them. */
export function capabilitySets(bounding: readonly string[], uid: number) {
  return uid === 0 ? { bounding, effective: bounding, permitted: bounding } : { bounding };
}

function normalise(name: string, field: string): string {
  const upper = name.toUpperCase();
  if (upper === ALL) return ALL;
  const full = upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
  if (!CAPABILITIES.includes(full)) {
    throw new PontoonError('bad-value', `invalid ${field}: unknown capability: "${full}"`, { subject: name });
  }
  return full;
}
