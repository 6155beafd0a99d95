/**
 * @module Limits of a container: from the words of `docker run` to linux.resources of config.json.
 *
 * The runtime translates them to the files of cgroup v1 or v2. What the machine's cgroups do not know is left out, as
 * Docker does.
 */

import type { ResourceSpec } from '../types.ts';
import { deviceRules } from './devices.ts';
import type { BundleInput, Host } from './types.ts';

const CPU_PERIOD_US = 100_000;
const NANO_CPUS = 1_000_000_000;
/** No limit: there cannot be more (include/linux/threads.h, PID_MAX_LIMIT). crun writes -1 as it is, which the kernel refuses. */
const MOST_PROCESSES = 4 * 1024 * 1024;

/** linux.resources of config.json. */
export function containerResources(input: BundleInput, host: Pick<Host, 'cgroups' | 'swapLimit'>) {
  const privileged = input.spec.security?.privileged === true;
  return {
    devices: deviceRules(input.devices, privileged),
    ...limits(input.spec.resources ?? {}, host),
  };
}

/** The part that can change while the container runs; absent fields stay as they are. */
export function limits(spec: ResourceSpec, host: Pick<Host, 'cgroups' | 'swapLimit'>) {
  const memory = withoutUndefined({
    limit: spec.memoryBytes || undefined,
    reservation: spec.memoryReservationBytes || undefined,
    swap: host.swapLimit ? swapBytes(spec) : undefined,
    disableOOMKiller: spec.oomKillDisable && host.cgroups !== 'v2' ? true : undefined,
  });
  const cpu = withoutUndefined({
    shares: spec.cpuShares || undefined,
    ...cpuBandwidth(spec),
    cpus: spec.cpusetCpus || undefined,
    mems: spec.cpusetMems || undefined,
  });
  return withoutUndefined({
    memory,
    cpu,
    pids: spec.pidsLimit ? { limit: spec.pidsLimit > 0 ? spec.pidsLimit : MOST_PROCESSES } : undefined,
  });
}

/** Docker's default: as much swap as memory. */
function swapBytes({ memoryBytes, memorySwapBytes }: ResourceSpec): number | undefined {
  if (memorySwapBytes) return memorySwapBytes;
  return memoryBytes ? memoryBytes * 2 : undefined;
}

function cpuBandwidth({ nanoCpus, cpuPeriodUs, cpuQuotaUs }: ResourceSpec) {
  if (nanoCpus) return { period: CPU_PERIOD_US, quota: Math.floor((nanoCpus * CPU_PERIOD_US) / NANO_CPUS) };
  return { period: cpuPeriodUs || undefined, quota: cpuQuotaUs || undefined };
}

/** process.rlimits of config.json. */
export function containerLimits({ ulimits = [] }: ResourceSpec) {
  return ulimits.map(({ name, soft, hard }) => ({ type: `RLIMIT_${name.toUpperCase()}`, soft, hard }));
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** undefined when nothing is left. */
function withoutUndefined<T extends object>(fields: T): Defined<T> | undefined {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return entries.length === 0 ? undefined : (Object.fromEntries(entries) as Defined<T>);
}
