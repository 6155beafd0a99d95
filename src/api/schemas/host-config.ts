/**
 * @module How a container is placed on its host, as clients write it (Engine API, HostConfig with Resources), from API
 * 1.21 on. Fields that are missing or null are absent here.
 */

import { z } from 'zod';

const RATES = z.array(z.object({ Path: z.string(), Rate: z.int() }));

/** What an update may change, too. */
export const RESOURCES = z.object({
  CpuShares: z.int().optional(),
  Memory: z.int().optional(),
  NanoCpus: z.int().optional(),
  CgroupParent: z.string().optional(),
  BlkioWeight: z.int().optional(),
  BlkioWeightDevice: z.array(z.object({ Path: z.string(), Weight: z.int() })).optional(),
  BlkioDeviceReadBps: RATES.optional(),
  BlkioDeviceWriteBps: RATES.optional(),
  BlkioDeviceReadIOps: RATES.optional(),
  BlkioDeviceWriteIOps: RATES.optional(),
  CpuPeriod: z.int().optional(),
  CpuQuota: z.int().optional(),
  CpuRealtimePeriod: z.int().optional(),
  CpuRealtimeRuntime: z.int().optional(),
  CpusetCpus: z.string().optional(),
  CpusetMems: z.string().optional(),
  Devices: z
    .array(
      z.object({
        PathOnHost: z.string(),
        PathInContainer: z.string().optional(),
        CgroupPermissions: z.string().optional(),
      }),
    )
    .optional(),
  DeviceCgroupRules: z.array(z.string()).optional(),
  DeviceRequests: z.array(z.looseObject({})).optional(),
  KernelMemory: z.int().optional(),
  KernelMemoryTCP: z.int().optional(),
  MemoryReservation: z.int().optional(),
  MemorySwap: z.int().optional(),
  MemorySwappiness: z.int().optional(),
  OomKillDisable: z.boolean().optional(),
  PidsLimit: z.int().optional(),
  Ulimits: z.array(z.object({ Name: z.string(), Soft: z.int(), Hard: z.int() })).optional(),
});

export const RESTART_POLICY = z.object({ Name: z.string().optional(), MaximumRetryCount: z.int().optional() });

export const MOUNT = z.object({
  Type: z.string().optional(),
  Source: z.string().optional(),
  Target: z.string().optional(),
  ReadOnly: z.boolean().optional(),
  Consistency: z.string().optional(),
  BindOptions: z
    .object({
      Propagation: z.string().optional(),
      NonRecursive: z.boolean().optional(),
      CreateMountpoint: z.boolean().optional(),
      ReadOnlyNonRecursive: z.boolean().optional(),
      ReadOnlyForceRecursive: z.boolean().optional(),
    })
    .optional(),
  VolumeOptions: z
    .object({
      NoCopy: z.boolean().optional(),
      Labels: z.record(z.string(), z.string()).optional(),
      DriverConfig: z
        .object({ Name: z.string().optional(), Options: z.record(z.string(), z.string()).optional() })
        .optional(),
      Subpath: z.string().optional(),
    })
    .optional(),
  TmpfsOptions: z.object({ SizeBytes: z.int().optional(), Mode: z.int().optional() }).optional(),
});

const PORT_BINDING = z.object({ HostIp: z.string().optional(), HostPort: z.string().optional() });

export const HOST_CONFIG = RESOURCES.extend({
  Binds: z.array(z.string()).optional(),
  ContainerIDFile: z.string().optional(),
  LogConfig: z.object({ Type: z.string().optional(), Config: z.record(z.string(), z.string()).optional() }).optional(),
  NetworkMode: z.string().optional(),
  PortBindings: z.record(z.string(), z.array(PORT_BINDING).nullable()).optional(),
  RestartPolicy: RESTART_POLICY.optional(),
  AutoRemove: z.boolean().optional(),
  VolumeDriver: z.string().optional(),
  VolumesFrom: z.array(z.string()).optional(),
  Mounts: z.array(MOUNT).optional(),
  ConsoleSize: z.tuple([z.int(), z.int()]).optional(),
  Annotations: z.record(z.string(), z.string()).optional(),
  CapAdd: z.array(z.string()).optional(),
  CapDrop: z.array(z.string()).optional(),
  CgroupnsMode: z.string().optional(),
  Dns: z.array(z.string()).optional(),
  DnsOptions: z.array(z.string()).optional(),
  DnsSearch: z.array(z.string()).optional(),
  ExtraHosts: z.array(z.string()).optional(),
  GroupAdd: z.array(z.string()).optional(),
  IpcMode: z.string().optional(),
  Cgroup: z.string().optional(),
  Links: z.array(z.string()).optional(),
  OomScoreAdj: z.int().optional(),
  PidMode: z.string().optional(),
  Privileged: z.boolean().optional(),
  PublishAllPorts: z.boolean().optional(),
  ReadonlyRootfs: z.boolean().optional(),
  SecurityOpt: z.array(z.string()).optional(),
  StorageOpt: z.record(z.string(), z.string()).optional(),
  Tmpfs: z.record(z.string(), z.string()).optional(),
  UTSMode: z.string().optional(),
  UsernsMode: z.string().optional(),
  ShmSize: z.int().optional(),
  Sysctls: z.record(z.string(), z.string()).optional(),
  Runtime: z.string().optional(),
  Isolation: z.string().optional(),
  Init: z.boolean().optional(),
  MaskedPaths: z.array(z.string()).optional(),
  ReadonlyPaths: z.array(z.string()).optional(),
});

export type Resources = z.output<typeof RESOURCES>;
export type HostConfig = z.output<typeof HOST_CONFIG>;
export type PortBindings = NonNullable<HostConfig['PortBindings']>;
