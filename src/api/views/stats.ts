/** @module What a container uses, as Docker's stats have it (Engine API, ContainerStats). */

import type { Usage } from '../../container/types.ts';
import { timestamp } from './time.ts';

export interface StatsOf {
  readonly id: string;
  readonly name: string;
}

const NO_CPU = {
  cpu_usage: { total_usage: 0, usage_in_kernelmode: 0, usage_in_usermode: 0 },
  throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
};
const NO_BLOCK_IO = {
  io_service_bytes_recursive: null,
  io_serviced_recursive: null,
  io_queue_recursive: null,
  io_service_time_recursive: null,
  io_wait_time_recursive: null,
  io_merged_recursive: null,
  io_time_recursive: null,
  sectors_recursive: null,
};

/** Of a container that does not run. */
export function emptyStats({ id, name }: StatsOf): object {
  return {
    read: timestamp(undefined),
    preread: timestamp(undefined),
    pids_stats: {},
    blkio_stats: NO_BLOCK_IO,
    num_procs: 0,
    storage_stats: {},
    cpu_stats: NO_CPU,
    precpu_stats: NO_CPU,
    memory_stats: {},
    os_type: 'linux',
    name: `/${name}`,
    id,
  };
}

/** @param before the sample that the share of the processors is reckoned from */
export function stats({ id, name }: StatsOf, usage: Usage, before: Usage | undefined): object {
  const { memory, pids, networks } = usage;
  return {
    read: timestamp(usage.readMs),
    preread: timestamp(before?.readMs),
    pids_stats: { current: pids.current, ...(pids.limit !== undefined && { limit: pids.limit }) },
    blkio_stats: blockIo(usage),
    num_procs: 0,
    storage_stats: {},
    cpu_stats: cpu(usage),
    precpu_stats: before === undefined ? NO_CPU : cpu(before),
    memory_stats: {
      usage: memory.usageBytes,
      ...(memory.maximumBytes !== undefined && { max_usage: memory.maximumBytes }),
      stats: memory.statistics,
      limit: memory.limitBytes,
    },
    os_type: 'linux',
    name: `/${name}`,
    id,
    networks: Object.fromEntries(
      Object.entries(networks).map(([interfaceName, counted]) => [
        interfaceName,
        {
          rx_bytes: counted.rxBytes,
          rx_packets: counted.rxPackets,
          rx_errors: counted.rxErrors,
          rx_dropped: counted.rxDropped,
          tx_bytes: counted.txBytes,
          tx_packets: counted.txPackets,
          tx_errors: counted.txErrors,
          tx_dropped: counted.txDropped,
        },
      ]),
    ),
  };
}

function cpu({ cpu: { totalNs, userNs, systemNs, hostNs, onlineCpus, throttling } }: Usage): object {
  return {
    cpu_usage: { total_usage: totalNs, usage_in_kernelmode: systemNs, usage_in_usermode: userNs },
    system_cpu_usage: hostNs,
    online_cpus: onlineCpus,
    throttling_data: {
      periods: throttling.periods,
      throttled_periods: throttling.throttledPeriods,
      throttled_time: throttling.throttledNs,
    },
  };
}

function blockIo({ blockIo: counters }: Usage): object {
  const of = (value: 'bytes' | 'operations') =>
    counters.map((counter) => ({
      major: counter.major,
      minor: counter.minor,
      op: counter.operation,
      value: counter[value],
    }));
  return { ...NO_BLOCK_IO, io_service_bytes_recursive: of('bytes'), io_serviced_recursive: of('operations') };
}
