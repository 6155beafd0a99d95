/** @module Limits of a container: Docker's fields to the container layer's, and back. */

import type { ResourceSpec, RestartPolicy } from '../container/types.ts';
import { badRequest } from './errors.ts';
import { given, unlessEmpty } from './given.ts';
import type { HostConfig, Resources } from './schemas/host-config.ts';

const POLICIES: readonly string[] = ['no', 'always', 'unless-stopped', 'on-failure'] satisfies RestartPolicy['name'][];

/** Only what is given: an update leaves the rest as it is. */
export function resourceSpec(fields: Resources & Pick<HostConfig, 'OomScoreAdj'>): ResourceSpec {
  return given({
    memoryBytes: fields.Memory,
    memorySwapBytes: fields.MemorySwap,
    memoryReservationBytes: fields.MemoryReservation,
    nanoCpus: fields.NanoCpus,
    cpuShares: fields.CpuShares,
    cpuPeriodUs: fields.CpuPeriod,
    cpuQuotaUs: fields.CpuQuota,
    cpusetCpus: unlessEmpty(fields.CpusetCpus),
    cpusetMems: unlessEmpty(fields.CpusetMems),
    pidsLimit: fields.PidsLimit,
    oomKillDisable: fields.OomKillDisable,
    oomScoreAdj: fields.OomScoreAdj,
    cgroupParent: unlessEmpty(fields.CgroupParent),
    ulimits: fields.Ulimits?.map(({ Name, Soft, Hard }) => ({ name: Name, soft: Soft, hard: Hard })),
  });
}

/** The same as they are now. Without a limit of its own, swap is as much again as memory. */
export function resourceFields(spec: ResourceSpec = {}) {
  const memory = spec.memoryBytes ?? 0;
  return {
    CpuShares: spec.cpuShares ?? 0,
    Memory: memory,
    NanoCpus: spec.nanoCpus ?? 0,
    CgroupParent: spec.cgroupParent ?? '',
    CpuPeriod: spec.cpuPeriodUs ?? 0,
    CpuQuota: spec.cpuQuotaUs ?? 0,
    CpusetCpus: spec.cpusetCpus ?? '',
    CpusetMems: spec.cpusetMems ?? '',
    MemoryReservation: spec.memoryReservationBytes ?? 0,
    MemorySwap: spec.memorySwapBytes || memory * 2,
    OomKillDisable: spec.oomKillDisable ?? null,
    OomScoreAdj: spec.oomScoreAdj ?? 0,
    PidsLimit: spec.pidsLimit ?? null,
    Ulimits: (spec.ulimits ?? []).map(({ name, soft, hard }) => ({ Name: name, Hard: hard, Soft: soft })),
  };
}

/** @throws HttpError 400, in Docker's words */
export function restartPolicy({
  Name = '',
  MaximumRetryCount: maximumRetries = 0,
}: NonNullable<HostConfig['RestartPolicy']>): RestartPolicy {
  const name = Name === '' ? 'no' : Name;
  if (!POLICIES.includes(name)) {
    throw badRequest(
      `invalid restart policy: unknown policy '${name}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'`,
    );
  }
  if (maximumRetries < 0) throw badRequest('invalid restart policy: maximum retry count cannot be negative');
  if (maximumRetries > 0 && name !== 'on-failure') {
    throw badRequest("invalid restart policy: maximum retry count can only be used with 'on-failure'");
  }
  return { name: name as RestartPolicy['name'], maximumRetries };
}
