/**
 * @module The words of the container layer: what callers ask for (…Spec) and what they are shown (Container, Exec, Image,
 * Volume). Named as the OCI and Docker name them, in this code's spelling; HTTP and Docker's JSON are the API's business.
 *
 * A reference (`ref`) to a container is its name, its ID, or the beginning of its ID where only one fits.
 */

import type { Readable, Writable } from 'node:stream';
import type { Endpoint, EndpointSpec, PortBindingSpec, Protocol } from '../network/types.ts';

/** A name for another container. */
export interface LinkSpec {
  /** A reference to the other container. */
  readonly container: string;
  readonly alias: string;
  /** The ID of the network that it leads through. Default: any; if both are on the default network, the other has to run. */
  readonly network?: string;
}

/** What runs in a container, on top of what its image says. */
export interface ContainerSpec {
  /** Letters, digits, '_', '.', '-', at least two. Default: two words that nobody has yet, such as 'calm_harbour'. */
  readonly name?: string;
  /** A reference to an image: name, tag or ID. */
  readonly image: string;
  /** Published on the first network that it joins and that can publish. Default: none. */
  readonly waitingPorts?: readonly PortBindingSpec[];
  /** Default: the image's. Empty: none. */
  readonly entrypoint?: readonly string[];
  /** The arguments after the entrypoint. Default: the image's, unless an entrypoint is given. */
  readonly command?: readonly string[];
  /** 'NAME=value'; a bare 'NAME' takes the image's away. They win over the image's. */
  readonly env?: readonly string[];
  readonly workingDirectory?: string;
  /** 'user', 'uid', 'user:group', … looked up in the container's own /etc/passwd and /etc/group. */
  readonly user?: string;
  /** More groups of the process, by name or number. */
  readonly groups?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly tty?: boolean;
  /** Standard input stays open though nobody is attached. */
  readonly openStdin?: boolean;
  /** Standard input is closed when the first client that was attached to it goes. */
  readonly stdinOnce?: boolean;
  /** [rows, columns] of the terminal at the start. */
  readonly consoleSize?: readonly [rows: number, columns: number];
  readonly stopSignal?: string;
  /** How long `stop` waits before it kills. Default: 10. */
  readonly stopTimeoutSeconds?: number;
  readonly healthcheck?: HealthcheckSpec;
  readonly exposedPorts?: readonly ExposedPort[];
  /** Publish every exposed port that no binding names to a free port of the host. */
  readonly publishAll?: boolean;
  readonly network?: NetworkModeSpec;
  readonly hostname?: string;
  readonly domainname?: string;
  readonly dns?: readonly string[];
  readonly dnsSearch?: readonly string[];
  readonly dnsOptions?: readonly string[];
  /** More lines for /etc/hosts; the address 'host-gateway' stands for the gateway of the default network. */
  readonly extraHosts?: readonly (readonly [name: string, address: string])[];
  /** Old links: another container on a network of both is known here by an alias. */
  readonly links?: readonly LinkSpec[];
  readonly mounts?: readonly MountSpec[];
  readonly tmpfs?: Readonly<Record<string, string>>;
  /** Containers whose volumes and binds this one gets too: 'name', 'name:ro'. */
  readonly volumesFrom?: readonly string[];
  readonly readOnlyRoot?: boolean;
  readonly init?: boolean;
  /** Remove the container when it ends. */
  readonly autoRemove?: boolean;
  readonly restart?: RestartPolicy;
  readonly security?: SecuritySpec;
  readonly resources?: ResourceSpec;
  readonly namespaces?: NamespacesSpec;
  readonly sysctls?: Readonly<Record<string, string>>;
  readonly devices?: readonly DeviceSpec[];
  readonly shmSizeBytes?: number;
  readonly logging?: { readonly driver: string; readonly options: Readonly<Record<string, string>> };
  /** Whatever the caller wants to have back with the container; not looked at. */
  readonly annotations?: Readonly<Record<string, unknown>>;
}

export interface ExposedPort {
  readonly port: number;
  readonly protocol: Protocol;
}

/** Which network stack a container gets. Default: one endpoint on the network 'bridge'. */
export type NetworkModeSpec =
  | { readonly mode: 'endpoints'; readonly endpoints: readonly (EndpointSpec & { readonly network: string })[] }
  | { readonly mode: 'host' }
  | { readonly mode: 'none' }
  /** Another container's (a reference). */
  | { readonly mode: 'container'; readonly container: string };

export type ReadOnlyBelow = 'no' | 'if-possible' | 'always';

export interface MountSpec {
  readonly type: 'bind' | 'volume' | 'tmpfs';
  /** A path of the host (bind), a volume's name (volume; absent: a new anonymous one). */
  readonly source?: string;
  readonly target: string;
  readonly readOnly?: boolean;
  /** bind. Default: 'rprivate'. */
  readonly propagation?: string;
  /** bind: what is mounted below the source comes along. Default: true. */
  readonly recursive?: boolean;
  /** bind, read-only: what is mounted below is, too. 'if-possible' is where the kernel can. Default: 'no'. */
  readonly readOnlyBelow?: ReadOnlyBelow;
  /** bind: make the source when it is not there, as -v does and --mount does not. */
  readonly createSource?: boolean;
  /** volume: do not copy what the image has at the target into an empty volume. */
  readonly noCopy?: boolean;
  /** volume: labels and driver options for one that is made now. */
  readonly volumeLabels?: Readonly<Record<string, string>>;
  readonly volumeOptions?: Readonly<Record<string, string>>;
  /** tmpfs. */
  readonly sizeBytes?: number;
  readonly modeBits?: number;
}

export interface HealthcheckSpec {
  /** ['NONE'], ['CMD', …] or ['CMD-SHELL', line]. Empty: the image's. */
  readonly test: readonly string[];
  /** Durations in nanoseconds, as Docker has them; 0 or absent: 30 s, 30 s, 0 s, 5 s. */
  readonly intervalNs?: number;
  readonly timeoutNs?: number;
  readonly startPeriodNs?: number;
  readonly startIntervalNs?: number;
  /** Default: 3. */
  readonly retries?: number;
}

export interface RestartPolicy {
  readonly name: 'no' | 'always' | 'unless-stopped' | 'on-failure';
  /** on-failure; 0: no limit. */
  readonly maximumRetries: number;
}

export interface SecuritySpec {
  readonly privileged?: boolean;
  /** With or without 'CAP_'; 'ALL'. */
  readonly capAdd?: readonly string[];
  readonly capDrop?: readonly string[];
  /** 'no-new-privileges', 'seccomp=unconfined', 'seccomp={…}', 'apparmor=…', 'label=…', 'systempaths=unconfined'. */
  readonly options?: readonly string[];
  /** Default: Docker's own lists. */
  readonly maskedPaths?: readonly string[];
  readonly readonlyPaths?: readonly string[];
}

/** Limits; 0 or absent: none. -1 where Docker has it for 'unlimited'. */
export interface ResourceSpec {
  readonly memoryBytes?: number;
  /** Memory and swap together; -1: unlimited swap. */
  readonly memorySwapBytes?: number;
  readonly memoryReservationBytes?: number;
  readonly nanoCpus?: number;
  readonly cpuShares?: number;
  readonly cpuPeriodUs?: number;
  readonly cpuQuotaUs?: number;
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
  readonly pidsLimit?: number;
  readonly oomKillDisable?: boolean;
  readonly oomScoreAdj?: number;
  readonly cgroupParent?: string;
  readonly ulimits?: readonly { readonly name: string; readonly soft: number; readonly hard: number }[];
}

/** 'host', 'private' (or absent), 'shareable', or 'container:REF' where it says so. */
export interface NamespacesSpec {
  readonly pid?: string;
  readonly ipc?: string;
  readonly uts?: string;
  readonly cgroup?: string;
}

export interface DeviceSpec {
  readonly hostPath: string;
  readonly containerPath: string;
  /** Of 'rwm'. */
  readonly permissions: string;
}

export type ContainerStatus = 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead';

export interface Container {
  /** 64 hexadecimal digits. It is its sandbox's ID too. */
  readonly id: string;
  readonly name: string;
  readonly createdMs: number;
  /** What was asked for, with the image's and the defaults filled in; `image` as it was written. */
  readonly spec: ResolvedSpec;
  /** 'sha256:…' of the image's configuration. */
  readonly imageId: string;
  readonly state: ContainerState;
  readonly restartCount: number;
  /** Binds, volumes and tmpfs as they are mounted. */
  readonly mounts: readonly Mount[];
  /** undefined for host, none and container modes before the first start. Where the sandbox is: see Endpoint. */
  readonly endpoints: readonly Endpoint[];
  /** The pinned network namespace; undefined while stopped. */
  readonly sandboxPath: string | undefined;
  /** On the host: rendered files, the log, the upper directory. */
  readonly paths: {
    readonly hosts: string;
    readonly resolvConf: string;
    readonly hostname: string;
    readonly log: string;
    /** Overlayfs: what the container wrote; the lower directory is the image's. */
    readonly upper: string;
    readonly merged: string;
    readonly work: string;
    readonly lower: string;
  };
  /** The command line: entrypoint and command. */
  readonly path: string;
  readonly args: readonly string[];
}

/** A spec in which the image's part is filled in. */
export type ResolvedSpec = ContainerSpec &
  Required<
    Pick<
      ContainerSpec,
      'name' | 'env' | 'labels' | 'hostname' | 'network' | 'restart' | 'exposedPorts' | 'workingDirectory' | 'user'
    >
  >;

export interface ContainerState {
  readonly status: ContainerStatus;
  /** 0 while it does not run. */
  readonly pid: number;
  readonly exitCode: number;
  readonly oomKilled: boolean;
  /** Why the last start failed, or ''. */
  readonly error: string;
  /** Milliseconds since 1970; undefined: never. */
  readonly startedMs: number | undefined;
  readonly finishedMs: number | undefined;
  readonly health: Health | undefined;
}

export interface Health {
  readonly status: 'starting' | 'healthy' | 'unhealthy';
  readonly failingStreak: number;
  /** The last five. */
  readonly log: readonly {
    readonly startMs: number;
    readonly endMs: number;
    readonly exitCode: number;
    readonly output: string;
  }[];
}

export interface Mount {
  readonly type: 'bind' | 'volume' | 'tmpfs';
  /** The volume's name; '' for others. */
  readonly name: string;
  /** The directory on the host; '' for tmpfs. */
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
  readonly propagation: string;
  /** Nobody gave the volume a name: it goes when the container is removed with its volumes. */
  readonly anonymous?: true;
  /** As in MountSpec. */
  readonly noCopy?: boolean;
  readonly recursive?: boolean;
  readonly readOnlyBelow?: ReadOnlyBelow;
}

/** How a run ended. */
export interface ExitResult {
  readonly exitCode: number;
  /** Why it could not even begin. */
  readonly error?: string;
}

/** The streams of a process in a container. With a terminal, everything comes by `stdout`. */
export interface Attachment extends AsyncDisposable {
  /** Absent unless it was asked for and is open. Ending it closes the process's standard input (see stdinOnce). */
  readonly stdin?: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
}

export interface AttachOptions {
  readonly stdin?: boolean;
  readonly stdout?: boolean;
  readonly stderr?: boolean;
}

/** One line (or part of one) that a container wrote. */
export interface LogEntry {
  /** Nanoseconds since 1970. */
  readonly timeNs: bigint;
  readonly stream: 'stdout' | 'stderr';
  /** With its line end, except where the writer left it out. */
  readonly data: Buffer;
}

export interface LogOptions {
  readonly stdout?: boolean;
  readonly stderr?: boolean;
  readonly sinceNs?: bigint;
  readonly untilNs?: bigint;
  /** Only the last so many lines. */
  readonly tail?: number;
  /** Goes on until the container ends or the signal comes. */
  readonly follow?: boolean;
  readonly signal?: AbortSignal;
}

export interface ExecSpec {
  readonly command: readonly string[];
  readonly env?: readonly string[];
  readonly workingDirectory?: string;
  readonly user?: string;
  readonly tty?: boolean;
  readonly stdin?: boolean;
  readonly stdout?: boolean;
  readonly stderr?: boolean;
  readonly privileged?: boolean;
  readonly detachKeys?: string;
  readonly consoleSize?: readonly [rows: number, columns: number];
}

export interface Exec {
  readonly id: string;
  readonly containerId: string;
  readonly spec: ExecSpec;
  readonly running: boolean;
  readonly exitCode: number | undefined;
  /** 0 before it runs. */
  readonly pid: number;
}

/** Something that happened, in Docker's words. */
export interface ContainerEvent {
  readonly timeNs: bigint;
  readonly type: 'container' | 'image' | 'volume';
  /** 'create', 'start', 'die', 'destroy', 'exec_create: sh', 'health_status: healthy', 'pull', 'tag', 'mount', … */
  readonly action: string;
  readonly id: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** What a container uses, in numbers of the kernel; absent where its cgroup does not say. */
export interface Usage {
  readonly readMs: number;
  readonly pids: { readonly current: number; readonly limit: number | undefined };
  readonly cpu: {
    readonly totalNs: number;
    readonly userNs: number;
    readonly systemNs: number;
    /** Of the whole host, for the share. */
    readonly hostNs: number;
    readonly onlineCpus: number;
    readonly throttling: { readonly periods: number; readonly throttledPeriods: number; readonly throttledNs: number };
  };
  readonly memory: {
    readonly usageBytes: number;
    readonly limitBytes: number;
    readonly maximumBytes: number | undefined;
    readonly statistics: Readonly<Record<string, number>>;
  };
  readonly blockIo: readonly {
    readonly major: number;
    readonly minor: number;
    readonly operation: 'read' | 'write';
    readonly bytes: number;
    readonly operations: number;
  }[];
  /** By interface name. */
  readonly networks: Readonly<
    Record<
      string,
      {
        readonly rxBytes: number;
        readonly rxPackets: number;
        readonly rxErrors: number;
        readonly rxDropped: number;
        readonly txBytes: number;
        readonly txPackets: number;
        readonly txErrors: number;
        readonly txDropped: number;
      }
    >
  >;
}

/** A path that a container's root differs in from its image's. */
export interface Change {
  readonly path: string;
  readonly kind: 'modified' | 'added' | 'deleted';
}

/** Of one file in a container. */
export interface PathStat {
  readonly name: string;
  readonly sizeBytes: number;
  /** As `stat` has it: type and permission bits. */
  readonly mode: number;
  readonly modifiedMs: number;
  readonly linkTarget: string;
}

export interface Volume {
  readonly name: string;
  readonly createdMs: number;
  /** The directory on the host. */
  readonly mountpoint: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, string>>;
  /** Made for a container without a name of its own. */
  readonly anonymous: boolean;
}

/** The configuration that containers take from an image (OCI image-spec, config.md; Docker adds the healthcheck). */
export interface ImageConfig {
  readonly user: string;
  readonly exposedPorts: readonly ExposedPort[];
  readonly env: readonly string[];
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly volumes: readonly string[];
  readonly workingDirectory: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly stopSignal: string | undefined;
  readonly healthcheck: HealthcheckSpec | undefined;
  readonly shell: readonly string[];
}

export interface Image {
  /** 'sha256:…' of its configuration. */
  readonly id: string;
  /** 'name:tag', normalised as Docker shows them: 'busybox:latest'. */
  readonly tags: readonly string[];
  /** 'name@sha256:…' where it was pulled by a registry's manifest. */
  readonly digests: readonly string[];
  readonly createdMs: number;
  readonly sizeBytes: number;
  readonly architecture: string;
  readonly os: string;
  readonly author: string;
  readonly comment: string;
  readonly config: ImageConfig;
  /** 'sha256:…' of each layer's tar, lowest first. */
  readonly layers: readonly string[];
}

export interface HistoryEntry {
  readonly createdMs: number;
  readonly createdBy: string;
  readonly comment: string;
  readonly sizeBytes: number;
  readonly tags: readonly string[];
  /** The image's ID for the last entry, else '<missing>'. */
  readonly id: string;
}

/** How far a pull or load is, in Docker's words; `id` is a layer's short digest, absent for the whole. */
export interface Progress {
  readonly id?: string;
  readonly status: string;
  readonly current?: number;
  readonly total?: number;
}

export interface Credentials {
  readonly username: string;
  readonly password: string;
  /** Instead of both. */
  readonly identityToken?: string;
  /** They are for this registry only: its host, or an address that has it. */
  readonly serverAddress?: string;
}
