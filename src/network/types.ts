/**
 * @module The engine's words: what callers ask for (…Spec) and what they are shown (Network, Sandbox, Endpoint, …).
 *
 * Addresses, subnets and MACs are canonical text. A reference (`ref`) to a network or sandbox is its name, its ID, or
 * the beginning of its ID where only one fits.
 */

export type DriverName = 'bridge' | 'host' | 'none' | 'macvlan';
export type Protocol = 'tcp' | 'udp' | 'sctp';

/** How a network is joined to the outside, for one address family. */
export type GatewayMode =
  /** Its addresses stay inside: what leaves is masqueraded, and only published ports are reached, at the host's. */
  | 'nat'
  /** The same, and every port is open to who has a route to the endpoints' own addresses. */
  | 'nat-unprotected'
  /** No NAT: ports are published at the endpoints' own addresses, for who has a route there. */
  | 'routed'
  /** For internal networks: the bridge has no address, so that the host has no part in the network either. */
  | 'isolated';

/** One subnet that a network is asked to have. */
export interface SubnetSpec {
  /** '172.18.0.0/24', 'fd00:1::/64'; or a size to be taken from the default pools: '0.0.0.0/24', '::/64'. */
  readonly subnet: string;
  /** Default: the first usable address. */
  readonly gateway?: string;
  /** Dynamic addresses come from this part of the subnet only. Default: all of it. */
  readonly ipRange?: string;
  /** Addresses of other gear, by name, that are never handed out. */
  readonly auxAddresses?: Readonly<Record<string, string>>;
}

export interface NetworkSpec {
  /** Letters, digits, '_', '.', '-', beginning with a letter or digit. */
  readonly name: string;
  /** Default: 'bridge'. */
  readonly driver?: DriverName;
  /** Default: one IPv4 subnet from the default pools, and one IPv6 subnet when `ipv6` is true. */
  readonly subnets?: readonly SubnetSpec[];
  /** False makes an IPv6-only network. Default: true. */
  readonly ipv4?: boolean;
  /** Default: true when `subnets` has an IPv6 one, else false. A unique local subnet is picked when none is given. */
  readonly ipv6?: boolean;
  /** Where ports are published whose binding names no host address. Default: every IPv4 and IPv6 address of the host. */
  readonly hostAddress?: string;
  /** No way out and no way in, except between its endpoints and to the gateway address. Default: false. */
  readonly internal?: boolean;
  /** Whether the endpoints may talk to each other. Default: true. */
  readonly icc?: boolean;
  /** Whether what leaves for the outside takes the host's address. Default: true. */
  readonly masquerade?: boolean;
  /** bridge, for each family. Default: 'nat'. */
  readonly gatewayMode4?: GatewayMode;
  readonly gatewayMode6?: GatewayMode;
  /** bridge: which address of the host masqueraded packets take. Default: that of the link they leave by. */
  readonly sourceAddress4?: string;
  readonly sourceAddress6?: string;
  /** bridge: interfaces of the host from which published ports are reached at the endpoints' own addresses, too. */
  readonly trustedInterfaces?: readonly string[];
  /** bridge: keeps the IPv4 gateway address off the bridge, because somebody else on the network has it. Default: false. */
  readonly inhibitIpv4?: boolean;
  /** Default: the MTU of the link of the host's default route, else 1500. */
  readonly mtuBytes?: number;
  /** The name of the bridge on the host, at most 15 bytes. Default: 'br-' and the network's ID. */
  readonly bridgeName?: string;
  /** What the interfaces in the sandboxes are called, before a number. Default: 'eth'. */
  readonly interfacePrefix?: string;
  /** macvlan: the host's interface below. */
  readonly parent?: string;
  /** macvlan. Default: 'bridge'. */
  readonly macvlanMode?: 'bridge' | 'private' | 'vepa' | 'passthru';
  readonly labels?: Readonly<Record<string, string>>;
  /** Whatever the caller wants to have back with the network; not looked at. */
  readonly annotations?: Readonly<Record<string, unknown>>;
}

/** A subnet that a network has. */
export interface Subnet {
  readonly family: 4 | 6;
  readonly subnet: string;
  readonly gateway: string | undefined;
  readonly ipRange: string | undefined;
  readonly auxAddresses: Readonly<Record<string, string>>;
}

/** How full a subnet is. */
export interface SubnetUsage {
  readonly subnet: string;
  /** Addresses that no endpoint can get now: leased, the gateway's, auxiliary, the network's own, broadcast. */
  readonly inUse: bigint;
  /** Addresses that endpoints without a wish may get yet. */
  readonly available: bigint;
}

export interface Network {
  /** 64 hexadecimal digits. */
  readonly id: string;
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly createdMs: number;
  readonly driver: DriverName;
  readonly subnets: readonly Subnet[];
  /** Undefined: every address. */
  readonly hostAddress: string | undefined;
  readonly internal: boolean;
  readonly icc: boolean;
  readonly masquerade: boolean;
  readonly gatewayMode4: GatewayMode;
  readonly gatewayMode6: GatewayMode;
  readonly sourceAddress4: string | undefined;
  readonly sourceAddress6: string | undefined;
  /** Absent: none. */
  readonly trustedInterfaces?: readonly string[];
  readonly inhibitIpv4: boolean;
  readonly mtuBytes: number;
  /** The bridge's name on the host; undefined where the driver has none. */
  readonly bridgeName: string | undefined;
  readonly interfacePrefix: string;
  readonly parent: string | undefined;
  readonly macvlanMode: NonNullable<NetworkSpec['macvlanMode']> | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations?: NonNullable<NetworkSpec['annotations']>;
  /** One of the three that are always there: bridge, host, none. */
  readonly predefined: boolean;
}

/** Where a sandbox's network stack is. */
export type NamespaceSpec =
  /** A new namespace, which the engine makes, pins and deletes. */
  | 'new'
  /** The host's own stack. */
  | 'host'
  /** An existing namespace, such as /run/netns/NAME or /proc/PID/ns/net. */
  | { readonly path: string }
  /** The namespace that a process is in now. */
  | { readonly pid: number }
  /** Another sandbox's (a reference): `container:` sharing. Such a sandbox has no endpoints of its own. */
  | { readonly sandbox: string };

export interface SandboxSpec {
  /** As a network's name. */
  readonly name: string;
  /** 64 hexadecimal digits, such as a container's ID. Default: random. */
  readonly id?: string;
  /** Default: the first 12 digits of the ID. */
  readonly hostname?: string;
  readonly domainname?: string;
  /** Default: 'new'. */
  readonly namespace?: NamespaceSpec;
  /** False makes the record alone: the stack comes with `startSandbox`. Default: true. */
  readonly running?: boolean;
  /** Whether to serve names at 127.0.0.11. Default: true for 'new' namespaces, false for existing ones. */
  readonly resolver?: boolean;
  /** Name servers to forward to, asked from inside the sandbox. Default: the host's, asked from the host. */
  readonly dns?: readonly string[];
  readonly dnsSearch?: readonly string[];
  readonly dnsOptions?: readonly string[];
  /** More lines for /etc/hosts: [name, address]. */
  readonly extraHosts?: readonly (readonly [name: string, address: string])[];
  readonly labels?: Readonly<Record<string, string>>;
}

/** What can be changed of a sandbox, also while it runs. What is left out stays. */
export type SandboxUpdate = Pick<SandboxSpec, 'hostname' | 'extraHosts'> & { readonly name?: string };

export interface Sandbox {
  readonly id: string;
  readonly name: string;
  readonly createdMs: number;
  readonly hostname: string;
  readonly domainname: string;
  /** What was asked for, references resolved to IDs. */
  readonly namespace: NamespaceSpec;
  /** Where the namespace is now; undefined while the sandbox is stopped. */
  readonly namespacePath: string | undefined;
  /** False before the first start and between stop and start: no namespace, no interfaces; static addresses stay reserved. */
  readonly running: boolean;
  readonly resolver: boolean;
  readonly labels: Readonly<Record<string, string>>;
  /** The rendered files, to be mounted in a container as /etc/hosts, /etc/resolv.conf and /etc/hostname. */
  readonly files: { readonly hosts: string; readonly resolvConf: string; readonly hostname: string };
  /** Sorted: the one that gives the default gateway first. */
  readonly endpoints: readonly Endpoint[];
}

export interface EndpointSpec {
  /** More names on this network. */
  readonly aliases?: readonly string[];
  /** A static address: it stays reserved while the sandbox is stopped. */
  readonly ipv4?: string;
  readonly ipv6?: string;
  /** More addresses, link-local ones: of 169.254.0.0/16 and fe80::/10. */
  readonly linkLocal?: readonly string[];
  /** Default: 02:42 and the IPv4 address. */
  readonly mac?: string;
  /** Default: the network's prefix and the first free number. */
  readonly interfaceName?: string;
  /** The endpoint with the highest gives the default gateway. Default: 0. */
  readonly gatewayPriority?: number;
  /** Settings of the interface, with IFNAME for its name: { 'net.ipv4.conf.IFNAME.log_martians': '1' }. */
  readonly sysctls?: Readonly<Record<string, string>>;
  readonly ports?: readonly PortBindingSpec[];
  /** Whatever the caller wants to keep with this; not looked at. */
  readonly annotations?: Readonly<Record<string, unknown>>;
}

/** One port, or the first and last of a range. */
export type PortOrRange = number | readonly [first: number, last: number];

export interface PortBindingSpec {
  /** Default: 'tcp'. */
  readonly protocol?: Protocol;
  /** The port in the sandbox. */
  readonly port: PortOrRange;
  /**
   * The port on the host. Absent: a free one is chosen. A range for one `port`: the first free one in it. A range for
   * a range of the same size: port by port.
   */
  readonly hostPort?: PortOrRange;
  /** Default: every IPv4 and IPv6 address of the host. '0.0.0.0' or '::' for every one of a family. */
  readonly hostAddress?: string;
}

/** Which bindings to take away: those that fit all that is given; without anything given, all. */
export interface UnpublishSelector {
  /** Default: any. */
  readonly protocol?: Protocol;
  readonly hostPort?: number;
  readonly hostAddress?: string;
  readonly port?: number;
}

/** A published port or range. Both ranges have the same size; one port has first = last. */
export interface PortBinding {
  readonly protocol: Protocol;
  readonly port: readonly [first: number, last: number];
  /** [0, 0] while it is yet to be chosen: in a sandbox that does not run. */
  readonly hostPort: readonly [first: number, last: number];
  /** Given where the host port is chosen, anew at each start: from this range, or [0, 0] for any free one. */
  readonly chosenFrom?: readonly [first: number, last: number];
  /** Undefined: every address of both families. */
  readonly hostAddress: string | undefined;
  /** Given on a routed network: there is no host port ([0, 0]), `port` is open at the endpoint's own address. */
  readonly direct?: true;
}

export interface Endpoint {
  readonly id: string;
  readonly networkId: string;
  readonly networkName: string;
  readonly sandboxId: string;
  readonly sandboxName: string;
  /** The interface in the sandbox; undefined for host and none, and while stopped and never named. */
  readonly interfaceName: string | undefined;
  /** The other end of the veth pair, on the host; undefined where the driver has none. */
  readonly hostInterface: string | undefined;
  readonly mac: string | undefined;
  /** With prefix length, such as '172.17.0.2/16'; undefined without IPv4, and for dynamic ones while stopped. */
  readonly ipv4: string | undefined;
  readonly ipv6: string | undefined;
  readonly gateway4: string | undefined;
  readonly gateway6: string | undefined;
  readonly aliases: readonly string[];
  /** All names that others on the network resolve to it. */
  readonly dnsNames: readonly string[];
  readonly gatewayPriority: number;
  readonly linkLocal: readonly string[];
  readonly sysctls: Readonly<Record<string, string>>;
  /** It gives the sandbox's default route. */
  readonly isGateway: boolean;
  readonly ports: readonly PortBinding[];
}

/** What happened, in Docker's words where it has them. */
export interface EngineEvent {
  /** Counts up over the life of the store. */
  readonly sequence: number;
  readonly timeMs: number;
  readonly type: 'network' | 'sandbox' | 'port' | 'engine';
  readonly action:
    | 'create'
    | 'destroy'
    | 'connect'
    | 'disconnect'
    | 'start'
    | 'stop'
    | 'update'
    | 'publish'
    | 'unpublish'
    | 'reconcile';
  /** The ID of the network (network), sandbox (sandbox, port). */
  readonly id: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** What `reconcile` found and did. */
export interface ReconcileReport {
  /** One line for each thing that was not as desired and is now, such as "address 172.17.0.2/16 on eth0 of web: added". */
  readonly repaired: readonly string[];
  /** One line for each thing that nobody owned and is gone now. */
  readonly removed: readonly string[];
  /** What could not be repaired, and why. */
  readonly failed: readonly string[];
}
