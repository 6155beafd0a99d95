/**
 * @module The machine as bundles see it: capabilities, cgroups, kernel. Read once: none of it changes.
 */

import { access, readFile, statfs } from 'node:fs/promises';
import { release } from 'node:os';
import { capabilitiesOfMask } from './capabilities.ts';
import type { CgroupMode, Host } from './types.ts';

const CGROUP_ROOT = '/sys/fs/cgroup';
/** linux/magic.h */
const CGROUP2_SUPER_MAGIC = 0x63677270;

let host: Promise<Host> | undefined;

export function readHost(): Promise<Host> {
  host ??= inspect();
  return host;
}

async function inspect(): Promise<Host> {
  const [status, cgroups] = await Promise.all([readFile('/proc/self/status', 'utf8'), cgroupMode()]);
  const [major = 0, minor = 0] = release().split(/[.-]/).map(Number);
  return {
    architecture: process.arch,
    kernel: [major, minor],
    capabilities: capabilitiesOfMask(BigInt(`0x${/^CapBnd:\s*(\w+)/m.exec(status)?.[1] ?? '0'}`)),
    cgroups,
    swapLimit: cgroups === 'v2' || (await exists(`${CGROUP_ROOT}/memory/memory.memsw.limit_in_bytes`)),
  };
}

/** v1 with a cgroup2 mount beside it is hybrid: systemd's old way. */
export async function cgroupMode(root: string = CGROUP_ROOT): Promise<CgroupMode> {
  if (await isCgroup2(root)) return 'v2';
  return (await isCgroup2(`${root}/unified`)) ? 'hybrid' : 'v1';
}

async function isCgroup2(path: string): Promise<boolean> {
  const status = await statfs(path).catch(() => undefined); // not there: then it is not that
  return status?.type === CGROUP2_SUPER_MAGIC;
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
