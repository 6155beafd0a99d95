/** @module Limits of a container: Docker's fields to the container layer's, and back. */

import { availableParallelism } from 'node:os';
import type { ResourceSpec, RestartPolicy } from '../container/types.ts';
import { checkCpuset } from './cpusets.ts';
import { badRequest } from './errors.ts';
import { given, unlessEmpty, unlessZero } from './given.ts';
import type { HostConfig, Resources } from './schemas/host-config.ts';

const POLICIES: readonly string[] = ['no', 'always', 'unless-stopped', 'on-failure'] satisfies RestartPolicy['name'][];

/** The least that Docker accepts (daemon/daemon_unix.go, linuxMinMemory). */
const LEAST_MEMORY_BYTES = 6 * 1024 * 1024;
const NANO_CPUS = 1e9;
/** Of processes, where clients send any number below 1. */
const UNLIMITED = -1;

/** Limits of a new container. @throws HttpError 400, in Docker's words */
export function resourceSpec(fields: Resources & Pick<HostConfig, 'OomScoreAdj'>): ResourceSpec {
  const { Memory = 0, MemorySwap = 0, OomScoreAdj = 0 } = fields;
  if (OomScoreAdj < -1000 || OomScoreAdj > 1000) {
    throw badRequest(`Invalid value ${OomScoreAdj}, range for oom score adj is [-1000, 1000]`);
  }
  if (Memory === 0 && MemorySwap > 0) {
    throw badRequest('You should always set the Memory limit when using Memoryswap limit, see usage');
  }
  return resourceChange(fields);
}

/** Only what is given: the rest stays as it is. @throws HttpError 400, in Docker's words */
export function resourceChange(fields: Resources & Pick<HostConfig, 'OomScoreAdj'>): ResourceSpec {
  check(fields);
  const { PidsLimit } = fields;
  return given({
    memoryBytes: unlessZero(fields.Memory),
    memorySwapBytes: unlessZero(fields.MemorySwap),
    memoryReservationBytes: unlessZero(fields.MemoryReservation),
    nanoCpus: unlessZero(fields.NanoCpus),
    cpuShares: unlessZero(fields.CpuShares),
    cpuPeriodUs: unlessZero(fields.CpuPeriod),
    cpuQuotaUs: unlessZero(fields.CpuQuota),
    cpusetCpus: unlessEmpty(fields.CpusetCpus),
    cpusetMems: unlessEmpty(fields.CpusetMems),
    pidsLimit: PidsLimit === undefined || PidsLimit > 0 ? PidsLimit : UNLIMITED,
    oomKillDisable: fields.OomKillDisable,
    oomScoreAdj: unlessZero(fields.OomScoreAdj),
    cgroupParent: unlessEmpty(fields.CgroupParent),
    ulimits: fields.Ulimits?.map(({ Name, Soft, Hard }) => ({ name: Name, soft: Soft, hard: Hard })),
  });
}

function check({
  Memory = 0,
  MemorySwap = 0,
  MemoryReservation = 0,
  NanoCpus = 0,
  CpuPeriod = 0,
  CpuQuota = 0,
  CpusetCpus = '',
  CpusetMems = '',
}: Resources) {
  if (Memory !== 0 && Memory < LEAST_MEMORY_BYTES) throw badRequest('Minimum memory limit allowed is 6MB');
  if (MemorySwap > 0 && MemorySwap < Memory) {
    throw badRequest('Minimum memoryswap limit should be larger than memory limit, see usage');
  }
  if (MemoryReservation !== 0 && MemoryReservation < LEAST_MEMORY_BYTES) {
    throw badRequest('Minimum memory reservation allowed is 6MB');
  }
  if (Memory > 0 && MemoryReservation > Memory) {
    throw badRequest('Minimum memory limit can not be less than memory reservation limit, see usage');
  }
  const processors = availableParallelism();
  if (NanoCpus < 0 || NanoCpus > processors * NANO_CPUS) {
    throw badRequest(`Range of CPUs is from 0.01 to ${processors}.00, as there are only ${processors} CPUs available`);
  }
  if (NanoCpus > 0 && (CpuPeriod > 0 || CpuQuota > 0)) {
    throw badRequest('Conflicting options: Nano CPUs and CPU Period or Quota cannot both be set');
  }
  if (CpusetCpus !== '') checkCpuset('cpus', CpusetCpus);
  if (CpusetMems !== '') checkCpuset('mems', CpusetMems);
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
    PidsLimit: spec.pidsLimit === undefined || spec.pidsLimit <= 0 ? null : spec.pidsLimit,
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
