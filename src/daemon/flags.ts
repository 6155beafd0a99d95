/**
 * @module The flags of `pontoon daemon`: dockerd's, by dockerd's names, and the key of each in daemon.json; and the keys
 * that are no flags.
 *
 * Those with a meaning here have dockerd's. The others are accepted, with one log line that says so, so that scripts
 * that start dockerd start Pontoon.
 */

/** How a value is written: as a flag, and in the file. */
export type FlagKind =
  | 'text'
  /** true, false. */
  | 'switch'
  | 'number'
  /** A flag may be repeated; in the file a list. */
  | 'list'
  /** key=value, repeatable; in the file an object. */
  | 'map'
  /** base=CIDR,size=N; in the file a list of objects. */
  | 'pools'
  /** driver=option=value; in the file an object of objects. */
  | 'driver-options'
  /** In the file only: not looked at. */
  | 'any';

/** A key of daemon.json. */
export interface Key {
  /** Undefined: only a flag. */
  readonly key: string | undefined;
  readonly kind: FlagKind;
  /** What the help says; undefined: accepted, of no effect here. */
  readonly meaning: string | undefined;
  /** Why one without meaning has none. */
  readonly why?: string;
}

export interface Flag extends Key {
  readonly name: string;
  readonly short?: string;
}

type More = Partial<Pick<Flag, 'short' | 'key' | 'why'>>;

/** It says nothing that could stand in the file. */
const FLAG_ONLY = { key: undefined };

function flag(name: string, kind: FlagKind, meaning: string, more: More = {}): Flag {
  return { name, key: name, kind, meaning, ...more };
}

function accepted(name: string, kind: FlagKind, more: More = {}): Flag {
  return { name, key: name, kind, meaning: undefined, ...more };
}

const OWN_TABLE = "Pontoon's rules are in an nftables table of its own, and it always makes them";
const NO_CONTAINERD = 'there is no containerd: conmon and an OCI runtime run the containers';
const NO_SWARM = 'there is no swarm';
const NO_PROXY_PROCESS = 'the kernel forwards published ports, no process does';

export const FLAGS: readonly Flag[] = [
  flag(
    'host',
    'list',
    'where to listen: unix://PATH, fd://, tcp://ADDRESS:PORT with --tlsverify (default: unix:///run/pontoon.sock)',
    { short: 'H', key: 'hosts' },
  ),
  flag('group', 'text', 'the group that may use the unix socket (default: pontoon)', { short: 'G' }),
  flag('tlsverify', 'switch', 'tcp: serve clients with a certificate of --tlscacert only'),
  flag('tls', 'switch', 'tcp: implied by --tlsverify, and not enough without it'),
  flag('tlscacert', 'text', 'tcp: the authority that signs the certificates of clients'),
  flag('tlscert', 'text', "tcp: the daemon's certificate"),
  flag('tlskey', 'text', 'tcp: its key'),
  flag('config-file', 'text', 'a file with the same settings (default: /etc/pontoon/daemon.json)', FLAG_ONLY),
  flag('validate', 'switch', 'check the flags and the file, and end', FLAG_ONLY),
  flag(
    'data-root',
    'text',
    'what outlives a reboot: images, volumes, containers, networks (default: /var/lib/pontoon)',
  ),
  flag('exec-root', 'text', 'what a reboot takes: namespaces, rendered files, the lock (default: /run/pontoon)'),
  flag('pidfile', 'text', "the file with the daemon's process ID (default: /run/pontoon.pid)", { short: 'p' }),
  flag('debug', 'switch', 'log at level debug', { short: 'D' }),
  flag('log-level', 'text', 'debug, info, warn, error or fatal (default: info)', { short: 'l' }),
  flag('metrics-addr', 'text', 'serve Prometheus metrics at this ADDRESS:PORT, at /metrics'),
  flag('label', 'list', 'a label of the daemon: key=value', { key: 'labels' }),
  flag('shutdown-timeout', 'number', 'seconds that running requests get at the end (default: 3)'),

  flag('bridge', 'text', "the default network's bridge, or none for no default network (default: pontoon0)", {
    short: 'b',
  }),
  flag('bip', 'text', "the default network's gateway with its subnet: 172.17.0.1/16"),
  flag('bip6', 'text', 'the same for IPv6: fd00:17::1/64'),
  flag('fixed-cidr', 'text', 'the part of its subnet that addresses are handed out from'),
  flag('fixed-cidr-v6', 'text', 'the same for IPv6'),
  flag('ipv6', 'switch', 'give the default network IPv6'),
  flag('icc', 'switch', 'let containers on the default network talk to each other (default: true)'),
  flag('ip-masq', 'switch', 'let what leaves the default network take the address of the host (default: true)'),
  flag('mtu', 'number', 'MTU of the default network'),
  flag('default-address-pool', 'pools', 'where subnets come from that nobody named: base=10.0.0.0/8,size=24', {
    key: 'default-address-pools',
  }),
  flag(
    'default-network-opt',
    'driver-options',
    'an option of every new network: bridge=com.docker.network.driver.mtu=1400',
    { key: 'default-network-opts' },
  ),

  flag('dns', 'list', 'a name server of containers without one of their own'),
  flag('dns-opt', 'list', 'an option of their resolv.conf', { key: 'dns-opts' }),
  flag('dns-search', 'list', 'a search domain of theirs'),
  flag('iptables', 'switch', 'make rules: isolation, masquerade, published ports (default: true)'),
  flag('ip-forward', 'switch', 'let the host forward packets (default: true)'),
  flag('ip', 'text', 'the address of the host at which the default network publishes ports that name none'),
  flag('cgroup-parent', 'text', 'the parent cgroup of containers that name none'),
  flag('default-runtime', 'text', 'the OCI runtime that is asked first: crun or runc'),
  flag('default-shm-size', 'text', 'the size of /dev/shm of containers that name none, such as 64m'),
  flag('default-ulimit', 'map', 'a limit of containers that do not set it: nofile=1024:2048', {
    key: 'default-ulimits',
  }),
  flag('init', 'switch', 'run an init in containers that say nothing about it'),
  flag('log-opt', 'map', 'an option of the logs of containers that set none', { key: 'log-opts' }),
  flag('no-new-privileges', 'switch', 'set no-new-privileges in containers that do not'),
  flag('seccomp-profile', 'text', 'the seccomp profile of containers that name none: a file, or unconfined'),
  flag('log-driver', 'text', 'the log driver of containers that name none: json-file, local or none'),
  flag('default-ipc-mode', 'text', 'the IPC namespace of containers that name none: private or shareable'),
  flag('default-cgroupns-mode', 'text', 'the cgroup namespace of containers that name none: private or host'),
  flag('host-gateway-ip', 'list', "what host-gateway means in --add-host (default: the default network's gateway)", {
    key: 'host-gateway-ips',
  }),
  flag('default-registry', 'text', 'where images are pulled from whose name has no registry: HOST[:PORT][/PATH]'),
  flag('registry-mirror', 'list', 'the first one stands in for --default-registry', { key: 'registry-mirrors' }),
  flag('http-proxy', 'text', 'the proxy through which registries are asked without TLS'),
  flag('https-proxy', 'text', 'the same with TLS'),
  flag('no-proxy', 'text', 'hosts that are asked without a proxy'),
  flag('proxies', 'map', 'the three above in one, as the file has them'),
  flag(
    'insecure-registry',
    'list',
    'a registry that may be spoken to without TLS: HOST[:PORT], or a prefix of addresses',
    { key: 'insecure-registries' },
  ),

  accepted('live-restore', 'switch', { why: 'containers always outlive the daemon' }),
  accepted('ip6tables', 'switch', { why: OWN_TABLE }),
  accepted('firewall-backend', 'text', { why: OWN_TABLE }),
  accepted('bridge-accept-fwmark', 'text', { why: OWN_TABLE }),
  accepted('allow-direct-routing', 'switch', { why: OWN_TABLE }),
  accepted('ip-forward-no-drop', 'switch', { why: OWN_TABLE }),
  accepted('userland-proxy', 'switch', { why: NO_PROXY_PROCESS }),
  accepted('userland-proxy-path', 'text', { why: NO_PROXY_PROCESS }),
  accepted('containerd', 'text', { why: NO_CONTAINERD }),
  accepted('containerd-namespace', 'text', { why: NO_CONTAINERD }),
  accepted('containerd-plugins-namespace', 'text', { key: 'containerd-plugin-namespace', why: NO_CONTAINERD }),
  accepted('cri-containerd', 'switch', { why: NO_CONTAINERD }),
  accepted('swarm-default-advertise-addr', 'text', { why: NO_SWARM }),
  accepted('network-control-plane-mtu', 'number', { why: NO_SWARM }),
  accepted('network-diagnostic-port', 'number', { why: NO_SWARM }),
  accepted('node-generic-resource', 'list', { key: 'node-generic-resources', why: NO_SWARM }),
  accepted('default-gateway', 'text', { why: 'the gateway of the default network is its bridge' }),
  accepted('default-gateway-v6', 'text', { why: 'the gateway of the default network is its bridge' }),
  accepted('storage-driver', 'text', { short: 's', why: 'the roots of containers are overlayfs' }),
  accepted('storage-opt', 'list', { key: 'storage-opts', why: 'the roots of containers are overlayfs' }),
  accepted('log-format', 'text', { why: "the daemon's log is JSON lines" }),
  accepted('raw-logs', 'switch', { why: "the daemon's log is JSON lines" }),
  accepted('add-runtime', 'map', { key: 'runtimes', why: 'the runtimes are crun and runc' }),
  accepted('exec-opt', 'list', { key: 'exec-opts', why: 'cgroups are made without systemd' }),
  accepted('allow-nondistributable-artifacts', 'list'),
  accepted('api-cors-header', 'text'),
  accepted('authorization-plugin', 'list', { key: 'authorization-plugins' }),
  accepted('cdi-spec-dir', 'list', { key: 'cdi-spec-dirs' }),
  accepted('cpu-rt-period', 'number'),
  accepted('cpu-rt-runtime', 'number'),
  accepted('experimental', 'switch'),
  accepted('feature', 'map', { key: 'features' }),
  accepted('init-path', 'text'),
  accepted('max-concurrent-downloads', 'number'),
  accepted('max-concurrent-uploads', 'number'),
  accepted('max-download-attempts', 'number'),
  accepted('nri-opts', 'map'),
  accepted('oom-score-adjust', 'number'),
  accepted('rootless', 'switch'),
  accepted('selinux-enabled', 'switch'),
  accepted('userns-remap', 'text'),
];

/** The keys that are in the file only. */
export const FILE_KEYS: readonly Key[] = [
  { key: 'host-gateway-ip', kind: 'text', meaning: 'one of host-gateway-ips, as dockerd had it before 28' },
  { key: 'builder', kind: 'any', meaning: undefined, why: 'Pontoon does not build images' },
  { key: 'min-api-version', kind: 'text', meaning: undefined, why: 'every version from 1.21 on is served' },
  { key: 'deprecated-key-path', kind: 'text', meaning: undefined },
];
