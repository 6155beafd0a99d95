/**
 * @module The OCI bundle's config.json: pure, from what a container is to what the runtime does.
 *
 * The values are Docker's: a test holds them against what dockerd writes.
 * @see the runtime-spec, config.md and config-linux.md
 */

import type { ExecSpec } from '../types.ts';
import { capabilitySets, containerCapabilities } from './capabilities.ts';
import { deviceNodes } from './devices.ts';
import { mergeEnvironment } from './environment.ts';
import { containerMounts, INIT_PATH } from './mounts.ts';
import { containerLimits, containerResources } from './resources.ts';
import { type OciSeccomp, resolveSeccomp } from './seccomp.ts';
import { resolveSecurity } from './security.ts';
import type { BundleInput, Host } from './types.ts';

const OCI_VERSION = '1.0.2';

/** `process` of config.json, which is also what an exec is given. */
export interface OciProcess {
  readonly args: readonly string[];
  readonly [field: string]: unknown;
}

/** config.json; typed where others read or change it. */
export interface OciConfig {
  readonly annotations?: Readonly<Record<string, string>>;
  readonly linux: { readonly cgroupsPath: string; readonly seccomp?: OciSeccomp; readonly [field: string]: unknown };
  readonly [field: string]: unknown;
}

/** config.json. @throws PontoonError bad-value, no-privilege where the spec asks for what cannot be */
export function ociSpec(input: BundleInput, host: Host): OciConfig {
  const { spec } = input;
  const security = resolveSecurity(spec.security ?? {});
  const capabilities = containerCapabilities(spec.security ?? {}, host.capabilities);
  return {
    ociVersion: OCI_VERSION,
    process: containerProcess(input, host),
    root: { path: input.rootPath, ...(spec.readOnlyRoot ? { readonly: true } : {}) },
    ...(input.sharedNamespaces.uts === undefined ? { hostname: spec.hostname } : {}),
    mounts: containerMounts(input, host),
    linux: {
      sysctl: sysctls(input),
      resources: containerResources(input, host),
      cgroupsPath: cgroupPath(input),
      namespaces: namespaces(input, host),
      devices: deviceNodes(input.devices),
      maskedPaths: security.maskedPaths,
      readonlyPaths: security.readonlyPaths,
      ...(security.seccomp === undefined ? {} : { seccomp: resolveSeccomp(security.seccomp, capabilities, host) }),
    },
  };
}

/**
 * The process of an exec: the container's, whose IDs are the exec's user's, with what the exec says. `consoleSize` is
 * where the terminal starts.
 */
export function execProcess(
  { spec, process }: Pick<BundleInput, 'spec' | 'process'>,
  exec: ExecSpec,
  host: Host,
): OciProcess {
  const security = { ...spec.security, ...(exec.privileged ? { privileged: true } : {}) };
  const env = mergeEnvironment(process.env, exec.tty && !process.terminal ? ['TERM=xterm'] : []);
  return ociProcess(
    { ...spec, security },
    {
      ...process,
      args: exec.command,
      env: mergeEnvironment(env, exec.env ?? []),
      cwd: exec.workingDirectory || process.cwd,
      terminal: exec.tty === true,
    },
    exec.consoleSize,
    host,
  );
}

/** Where the container is below each cgroup hierarchy's root. */
export function cgroupPath({ id, cgroup, spec }: Pick<BundleInput, 'id' | 'cgroup' | 'spec'>): string {
  return cgroup ?? `${spec.resources?.cgroupParent?.replace(/^\/?/, '/').replace(/\/$/, '') || '/pontoon'}/${id}`;
}

function containerProcess({ spec, process, initPath }: BundleInput, host: Host): OciProcess {
  const args = spec.init && initPath !== undefined ? [INIT_PATH, '--', ...process.args] : process.args;
  return ociProcess(spec, { ...process, args }, spec.consoleSize, host);
}

function ociProcess(
  spec: BundleInput['spec'],
  process: BundleInput['process'],
  consoleSize: readonly [rows: number, columns: number] | undefined,
  host: Host,
): OciProcess {
  const { noNewPrivileges, apparmor } = resolveSecurity(spec.security ?? {});
  const rlimits = containerLimits(spec.resources ?? {});
  const [height, width] = consoleSize ?? [0, 0];
  return {
    ...(process.terminal ? { terminal: true } : {}),
    ...(process.terminal && height > 0 && width > 0 ? { consoleSize: { height, width } } : {}),
    user: { uid: process.uid, gid: process.gid, additionalGids: process.additionalGids },
    args: process.args,
    env: process.env,
    cwd: process.cwd || '/',
    capabilities: capabilitySets(containerCapabilities(spec.security ?? {}, host.capabilities), process.uid),
    ...(rlimits.length === 0 ? {} : { rlimits }),
    ...(noNewPrivileges ? { noNewPrivileges } : {}),
    ...(apparmor === undefined ? {} : { apparmorProfile: apparmor }),
    oomScoreAdj: spec.resources?.oomScoreAdj ?? 0,
  };
}

/** In a network stack of its own, any user may bind low ports and send pings: nobody else is there to be harmed. */
function sysctls({ spec, sharedNamespaces }: BundleInput): Record<string, string> {
  const ownStack = spec.network.mode === 'endpoints' || spec.network.mode === 'none';
  return {
    ...(ownStack ? { 'net.ipv4.ip_unprivileged_port_start': '0', 'net.ipv4.ping_group_range': '0 2147483647' } : {}),
    ...(spec.domainname && sharedNamespaces.uts === undefined ? { 'kernel.domainname': spec.domainname } : {}),
    ...spec.sysctls,
  };
}

/** A namespace without a path is new; one that is left out is the host's. */
function namespaces({ networkNamespacePath, sharedNamespaces, spec }: BundleInput, host: Host) {
  // On cgroup v2 a container sees its own cgroup as the root, on v1 the host's tree: Docker's defaults.
  const cgroupSource = spec.namespaces?.cgroup || (host.cgroups === 'v2' ? 'private' : 'host');
  const { pid, ipc, uts, cgroup = cgroupSource === 'private' ? undefined : 'host' } = sharedNamespaces;
  const list: { type: string; path?: string }[] = [{ type: 'mount' }];
  if (networkNamespacePath !== undefined) list.push({ type: 'network', path: networkNamespacePath });
  for (const [type, source] of Object.entries({ uts, pid, ipc, cgroup })) {
    if (source === undefined) list.push({ type });
    else if (source !== 'host') list.push({ type, path: source });
  }
  return list;
}
