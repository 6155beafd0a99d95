/**
 * @module What the runtime is given: all that decides how a container's process runs, resolved to paths and numbers.
 */

import type { Mount, ResolvedSpec } from '../types.ts';

/** A process's identity, by number. */
export interface UserIds {
  readonly uid: number;
  readonly gid: number;
  /** Its supplementary groups. */
  readonly additionalGids: readonly number[];
}

export interface BundleProcess extends UserIds {
  /** Entrypoint and command; at least one. */
  readonly args: readonly string[];
  /** 'NAME=value', as the process gets them: see processEnvironment. */
  readonly env: readonly string[];
  readonly cwd: string;
  readonly terminal: boolean;
}

/** Where a namespace comes from: 'host', or a path such as /proc/PID/ns/pid. */
export type NamespaceSource = string;

export interface BundleInput {
  readonly id: string;
  /** With the image's part filled in. */
  readonly spec: ResolvedSpec;
  readonly process: BundleProcess;
  /** The root directory, mounted. */
  readonly rootPath: string;
  /** Binds and volumes with their sources; tmpfs is taken from the spec, which has the options. */
  readonly mounts: readonly Mount[];
  /** Rendered files of the host that show up in /etc. */
  readonly files: { readonly hosts?: string; readonly resolvConf?: string; readonly hostname?: string };
  /** The pinned network namespace. undefined: the host's. */
  readonly networkNamespacePath: string | undefined;
  /** Absent: the container gets its own. */
  readonly sharedNamespaces: {
    readonly pid?: NamespaceSource;
    readonly ipc?: NamespaceSource;
    readonly uts?: NamespaceSource;
    readonly cgroup?: NamespaceSource;
  };
  /** A directory of the host for /dev/shm: that of whoever shares its ipc namespace. Default: a tmpfs of its own. */
  readonly shmPath?: string;
  /** Devices that spec.devices names, or all of the host for a privileged container: see findDevices. */
  readonly devices: readonly Device[];
  /** The program that `init` puts in front of the command: see findInit. */
  readonly initPath?: string;
  /** Below the cgroup root. Default: /pontoon/ID, or ID below spec.resources.cgroupParent. */
  readonly cgroup?: string;
}

/** A device node as the container shall see it. */
export interface Device {
  readonly path: string;
  readonly type: 'b' | 'c';
  readonly major: number;
  readonly minor: number;
  readonly fileMode: number;
  readonly uid: number;
  readonly gid: number;
  /** Of 'rwm'. */
  readonly access: string;
}

export type CgroupMode = 'v1' | 'v2' | 'hybrid';

/** What a bundle depends on beside its input: the machine. */
export interface Host {
  /** As process.arch has it. */
  readonly architecture: string;
  /** [6, 18] for 6.18. */
  readonly kernel: readonly [major: number, minor: number];
  /** 'CAP_CHOWN', …: what this process may give to others. */
  readonly capabilities: readonly string[];
  readonly cgroups: CgroupMode;
  /** Swap of a cgroup can be limited. */
  readonly swapLimit: boolean;
}
