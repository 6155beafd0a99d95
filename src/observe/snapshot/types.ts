/**
 * @module The snapshot: one JSON document of all that decides what packets do on a host, over all network namespaces.
 *
 * `takeSnapshot` writes it, `parseSnapshot` reads it back from anybody, and everything that explains or draws works
 * from it alone. It holds what the kernel says and no conclusions. Rules of the format, version 1:
 * - a namespace is named by its `id`, the text of `readlink /proc/PID/ns/net`; a link by its index within a namespace;
 * - what is unknown, not there, or a flag that is off, is absent; lists are always there;
 * - addresses are canonical text (IPv6: RFC 5952), MACs lower case, times in seconds, sizes in bytes, numbers as the
 *   kernel has them where it gives them no name;
 * - whatever could not be read, or was too long, has a line in `notes`.
 * Readers ignore fields that they do not know, so that a field may be added without a new version.
 */

export const SNAPSHOT_FORMAT = 'pontoon-snapshot';
export const SNAPSHOT_VERSION = 1;

/** 4 or 6. */
export type Family = 4 | 6;
/** 'net:[4026531840]': the namespace's inode, as lsns, `readlink /proc/PID/ns/net` and `ip netns identify` know it. */
export type NamespaceId = string;

export interface Snapshot {
  readonly format: typeof SNAPSHOT_FORMAT;
  readonly version: typeof SNAPSHOT_VERSION;
  /** ISO 8601, UTC. */
  readonly takenAt: string;
  /** The release of Pontoon that took it. */
  readonly pontoonVersion: string;
  /** Names and public addresses are pseudonyms (`pontoon snapshot --redact`). */
  readonly redacted?: boolean;
  readonly host: Host;
  /** The host's own namespace is the first. */
  readonly namespaces: readonly Namespace[];
  readonly containers: readonly Container[];
  /** The networks that container engines define, also those without a container. */
  readonly networks: readonly ContainerNetwork[];
  readonly notes: readonly Note[];
}

export interface Host {
  readonly name: string;
  /** The kernel's release: '6.1.0-18-amd64'. */
  readonly kernel: string;
  /** As Node has it: 'x64', 'arm64'. */
  readonly architecture: string;
}

/** Something that the snapshot lacks, and why: a verdict that would need it can only be "unknown". */
export interface Note {
  /** 'truncated': there was more. 'unreadable': the read failed. 'skipped': not asked for, or reading would change the host. */
  readonly kind: 'truncated' | 'unreadable' | 'skipped';
  /** The field that is affected, such as 'neighbours', 'conntrack', 'xtables', 'containers'. */
  readonly what: string;
  readonly namespace?: NamespaceId;
  /** One line for people. */
  readonly message: string;
}

// ---- namespaces ----

export interface Namespace {
  readonly id: NamespaceId;
  /** What to call it: 'host', the container's name, the name that ip-netns(8) has, or 'pid-PID'. Unique in the snapshot. */
  readonly name: string;
  /** Whose it is: the host's own, a container engine's, one of ip-netns(8), or just of processes. */
  readonly owner: NamespaceOwner;
  /** Every name it has, the best one first. */
  readonly names: readonly NamespaceName[];
  /** Where it is pinned (bind mounts): '/run/netns/blue'. */
  readonly paths: readonly string[];
  /** The lowest process IDs in it (at most 16; `processCount` has their number). */
  readonly processes: readonly Process[];
  readonly processCount: number;
  /** By index. */
  readonly links: readonly Link[];
  readonly addresses: readonly Address[];
  /** In the order in which they are tried, IPv4 before IPv6. */
  readonly rules: readonly Rule[];
  /** Of all tables. */
  readonly routes: readonly Route[];
  readonly neighbours: readonly Neighbour[];
  readonly fdb: readonly FdbEntry[];
  /** Groups that bridges forward to ports (multicast snooping). */
  readonly mdb: readonly MdbEntry[];
  readonly settings: Settings;
  readonly nftables: Nftables;
  /**
   * Rules of iptables, ip6tables, ebtables and arptables, as their save commands write them: those of the legacy engine,
   * and a family's in nf_tables where `nftables` shows some that only these programs understand ('xt'). Left out are those
   * that only lead to a container's own resolver at 127.0.0.11.
   */
  readonly xtables: readonly Xtables[];
  /** Sockets that take packets from anybody: listening TCP and SCTP, unconnected UDP. */
  readonly sockets: readonly Socket[];
  /** The resolver's files as the lowest process in the namespace sees them (containers have their own). */
  readonly resolver?: Resolver;
  /** Only on request; absent when nobody asked. */
  readonly conntrack?: readonly Flow[];
  /** How many flows are tracked, also when `conntrack` is absent. Absent where the kernel does not track. */
  readonly trackedFlows?: number;
}

export type NamespaceOwner = 'host' | ContainerEngine | 'netns' | 'process';

export interface NamespaceName {
  readonly name: string;
  readonly owner: NamespaceOwner;
}

export interface Process {
  readonly pid: number;
  /** The kernel's short name (comm): at most 15 bytes. */
  readonly command: string;
}

// ---- links ----

export interface Link {
  readonly index: number;
  readonly name: string;
  /** Other names by which the kernel finds it (altname). */
  readonly alternativeNames?: readonly string[];
  /** The driver's word: 'veth', 'bridge', 'macvlan', 'vxlan', 'vlan', 'tun', …; 'loopback'; 'device' for anything else. */
  readonly kind: string;
  readonly mac?: string;
  readonly mtuBytes: number;
  /** IFF_UP: an administrator set it up. */
  readonly up?: boolean;
  /** IFF_LOWER_UP: it has a carrier; for a veth, its peer is up; for a bridge, a port is up. */
  readonly carrier?: boolean;
  /** RFC 2863, in words of ip-link(8). */
  readonly operState: 'unknown' | 'notpresent' | 'down' | 'lowerlayerdown' | 'testing' | 'dormant' | 'up';
  /** IFF_NOARP: it asks for no MACs. */
  readonly noArp?: boolean;
  readonly promiscuous?: boolean;
  readonly pointToPoint?: boolean;
  /** The bridge, bond or VRF that it is a port of, by index in this namespace. */
  readonly master?: number;
  /** The other end of a veth (or netkit). Absent where there is none. */
  readonly peer?: LinkReference;
  /** The link below: a macvlan's parent, a vlan's trunk, a vxlan's underlay. */
  readonly lower?: LinkReference;
  readonly group?: number;
  /** Free text; Pontoon writes the owner here. */
  readonly alias?: string;
  /** A BPF program sees packets before the stack does (XDP). */
  readonly xdp?: boolean;
  readonly qdisc?: string;
  readonly bridge?: Bridge;
  /** As a port of a bridge. */
  readonly port?: BridgePort;
  /** VLANs of a bridge port, or of the bridge itself; only where the bridge filters them or they differ from the default. */
  readonly vlans?: readonly PortVlan[];
  readonly vlan?: { readonly id: number; readonly protocol: '802.1Q' | '802.1ad' };
  readonly macvlan?: { readonly mode: 'private' | 'vepa' | 'bridge' | 'passthru' | 'source' };
  readonly ipvlan?: { readonly mode: 'l2' | 'l3' | 'l3s'; readonly flags: number };
  readonly vxlan?: Vxlan;
  readonly tun?: { readonly type: 'tun' | 'tap'; readonly persistent?: boolean };
  readonly vrf?: { readonly table: number };
  readonly counters: Counters;
  /** IPv4 settings (sysctl net.ipv4.conf.NAME). Absent where the link does no IPv4. */
  readonly ipv4?: Ipv4Settings;
  /** IPv6 settings (sysctl net.ipv6.conf.NAME). Absent where the link does no IPv6, as with an MTU below 1280. */
  readonly ipv6?: Ipv6Settings;
}

export interface LinkReference {
  /** Absent: a namespace that is not in the snapshot. */
  readonly namespace?: NamespaceId;
  /** Counts in that namespace. */
  readonly index: number;
}

export interface Bridge {
  /** 'kernel' or 'user' (a daemon decides); absent: no spanning tree. */
  readonly stp?: 'kernel' | 'user';
  /** 0: the bridge learns nothing and floods like a hub. */
  readonly ageingSeconds: number;
  readonly forwardDelaySeconds: number;
  readonly vlanFiltering?: boolean;
  /** The VLAN of untagged frames where a port says nothing; 0: none. */
  readonly defaultPvid: number;
  readonly vlanProtocol: '802.1Q' | '802.1ad';
  /** Which link-local groups 01:80:c2:00:00:0X are forwarded, a bit for each X. */
  readonly groupForwardMask: number;
  /** For this bridge, besides `settings.bridge`, which counts for all. */
  readonly callIptables?: boolean;
  readonly callIp6tables?: boolean;
  readonly callArptables?: boolean;
  readonly multicastSnooping?: boolean;
  /** The bridge itself sends queries. */
  readonly multicastQuerier?: boolean;
}

export interface BridgePort {
  readonly state: 'disabled' | 'listening' | 'learning' | 'forwarding' | 'blocking';
  readonly number: number;
  readonly cost: number;
  readonly priority: number;
  readonly learning?: boolean;
  /** Frames to unknown unicast, to multicast and to broadcast MACs go out here. */
  readonly unicastFlood?: boolean;
  readonly multicastFlood?: boolean;
  readonly broadcastFlood?: boolean;
  /** Frames go only between an isolated port and ports that are not, and the bridge itself. */
  readonly isolated?: boolean;
  /** Frames may leave by the port that they came by. */
  readonly hairpin?: boolean;
  /** The bridge answers ARP and ND itself where it can, and does not flood them here. */
  readonly neighSuppress?: boolean;
  readonly proxyArp?: boolean;
  /** Only sources in the FDB may enter (802.1X). */
  readonly locked?: boolean;
  /** A spanning tree's frame on it disables the port. */
  readonly bpduGuard?: boolean;
  /** 0: no multicast router, 1: learn of one, 2: always, 3: temporarily. */
  readonly multicastRouter?: number;
}

/** `first` to `last`, both included; one VLAN where they are equal. */
export interface PortVlan {
  readonly first: number;
  readonly last: number;
  /** Untagged frames that enter get this VLAN. */
  readonly pvid?: boolean;
  /** Frames of the VLAN leave untagged. */
  readonly untagged?: boolean;
}

export interface Vxlan {
  readonly vni: number;
  readonly local?: string;
  /** A multicast group, or the one remote. */
  readonly remote?: string;
  readonly port: number;
  readonly learning?: boolean;
}

export interface Counters {
  readonly receivedPackets: number;
  readonly receivedBytes: number;
  readonly receiveErrors: number;
  readonly receiveDropped: number;
  readonly sentPackets: number;
  readonly sentBytes: number;
  readonly sendErrors: number;
  readonly sendDropped: number;
}

// ---- addresses, routes, neighbours ----

export interface Address {
  readonly link: number;
  readonly family: Family;
  readonly address: string;
  readonly prefixLength: number;
  /** The other end of a point-to-point link. The prefix then is the other end's. */
  readonly peer?: string;
  readonly broadcast?: string;
  readonly scope: Scope;
  /** Without IFA_F_PERMANENT it has a lifetime (DHCP, router advertisement). */
  readonly permanent?: boolean;
  /** Duplicate address detection runs: nothing is received on it yet. */
  readonly tentative?: boolean;
  /** Duplicate address detection found another holder. */
  readonly dadFailed?: boolean;
  /** Not chosen as a source for new flows. */
  readonly deprecated?: boolean;
  readonly secondary?: boolean;
  /** The kernel made no route to the prefix. */
  readonly noPrefixRoute?: boolean;
}

/** 'global', 'site', 'link', 'host', 'nowhere', or a number in text. */
export type Scope = string;

export interface Rule {
  readonly family: Family;
  readonly priority: number;
  readonly from?: string;
  readonly to?: string;
  /** Names of links; 'lo' as `incoming` fits packets of this namespace's own. */
  readonly incoming?: string;
  readonly outgoing?: string;
  readonly mark?: { readonly value: number; readonly mask: number };
  /** An IP protocol number. */
  readonly protocol?: number;
  readonly sourcePorts?: PortRange;
  readonly destinationPorts?: PortRange;
  readonly users?: PortRange;
  /** The rule fits packets of VRF links, and the table is the VRF's. */
  readonly vrf?: boolean;
  readonly tos?: number;
  /** It fits what its matches do not fit. */
  readonly invert?: boolean;
  readonly action: 'lookup' | 'goto' | 'nop' | 'blackhole' | 'unreachable' | 'prohibit' | 'unknown';
  readonly table?: number;
  /** Routes of `table` with at most this prefix length do not count. */
  readonly suppressPrefixLength?: number;
  /** The priority of the rule that 'goto' goes on with. */
  readonly target?: number;
  /** RTPROT_*: who made it. */
  readonly origin: number;
}

/** Both ends belong to the range. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

export interface Route {
  readonly family: Family;
  /** 254 is main, 255 local, 253 default. */
  readonly table: number;
  /** With its prefix length: '0.0.0.0/0' and '::/0' are default routes. */
  readonly destination: string;
  /** Only for packets from this prefix (IPv6 subtrees). */
  readonly source?: string;
  readonly type:
    | 'unspec'
    | 'unicast'
    | 'local'
    | 'broadcast'
    | 'anycast'
    | 'multicast'
    | 'blackhole'
    | 'unreachable'
    | 'prohibit'
    | 'throw'
    | 'nat';
  /** Several for multipath; none where the type needs none. */
  readonly nextHops: readonly NextHop[];
  /** The source address that packets without one get. */
  readonly preferredSource?: string;
  readonly metric: number;
  readonly tos?: number;
  readonly scope: Scope;
  /** RTPROT_*: who made it: 2 the kernel, 3 boot (`ip route add`), 4 static, 9 router advertisement, 16 DHCP, … */
  readonly protocol: number;
  readonly mtuBytes?: number;
  readonly mtuLocked?: boolean;
}

export interface NextHop {
  /** The router; absent: the destination is on the link. */
  readonly via?: string;
  /** The index of the link. */
  readonly link?: number;
  readonly weight: number;
  /** The router is taken to be on the link, whatever the addresses say. */
  readonly onlink?: boolean;
  /** The link is down, so that the hop is not used. */
  readonly dead?: boolean;
  /** The link has no carrier; whether it is used all the same, `ignoreRoutesWithLinkDown` says. */
  readonly linkDown?: boolean;
}

export interface Neighbour {
  readonly link: number;
  readonly family: Family;
  readonly address: string;
  /** Absent while the question is open or unanswered, and where the link has no MACs. */
  readonly mac?: string;
  /** In the words of ip-neighbour(8). A proxy entry has 'NONE'. */
  readonly state: 'NONE' | 'INCOMPLETE' | 'REACHABLE' | 'STALE' | 'DELAY' | 'PROBE' | 'FAILED' | 'NOARP' | 'PERMANENT';
  /** Not a neighbour: an address that this namespace answers for on the link (`ip neigh add proxy`). */
  readonly proxy?: boolean;
  readonly router?: boolean;
  /** A program put it there, not the kernel's own ARP or ND. */
  readonly external?: boolean;
  /** How long ago it was last confirmed, used and changed. */
  readonly confirmedSeconds?: number;
  readonly usedSeconds?: number;
  readonly updatedSeconds?: number;
}

// ---- bridges' databases ----

export interface FdbEntry {
  /** The port; the bridge itself for its own MACs; the vxlan link for an entry of its own list. */
  readonly link: number;
  /** Absent for an entry of the link's own list (bridge(8): self). */
  readonly bridge?: number;
  readonly mac: string;
  readonly vlan?: number;
  /** 'learned' ages; 'static' was set by hand; 'local' is the MAC of the port itself: its frames go up the stack. */
  readonly type: 'learned' | 'static' | 'local';
  /** It stays at its port even when the MAC shows up at another. */
  readonly sticky?: boolean;
  readonly external?: boolean;
  /** Behind which host a vxlan link has the MAC. */
  readonly remote?: string;
  /** How long ago a frame from the MAC was seen, and the entry was made or moved. */
  readonly usedSeconds?: number;
  readonly updatedSeconds?: number;
}

export interface MdbEntry {
  readonly bridge: number;
  readonly port: number;
  /** An IP address, or a MAC for groups of layer 2. */
  readonly group: string;
  readonly vlan?: number;
  readonly permanent?: boolean;
}

// ---- settings ----

/** The sysctls that decide about packets. Per link they stand with the link. */
export interface Settings {
  readonly ipv4: {
    /** net.ipv4.conf.all, of which what counts besides a link's own; its `forwarding` is net.ipv4.ip_forward. */
    readonly all: Ipv4Settings;
    /** What new links begin with, of forwarding and its like. */
    readonly default: Ipv4Settings;
    readonly icmpEchoIgnoreAll?: boolean;
    readonly localPortRange?: PortRange;
  };
  /** Absent where the kernel has no IPv6. */
  readonly ipv6?: {
    readonly all: Ipv6Settings;
    readonly default: Ipv6Settings;
    readonly icmpEchoIgnoreAll?: boolean;
  };
  /** net.bridge.bridge-nf-*: bridged frames visit the IP rules. Absent where br_netfilter is not loaded. */
  readonly bridge?: {
    readonly callIptables?: boolean;
    readonly callIp6tables?: boolean;
    readonly callArptables?: boolean;
  };
}

/** Where 'all' and a link both have a say, sysctl documentation (ip-sysctl) tells how they combine. */
export interface Ipv4Settings {
  readonly forwarding?: boolean;
  /** 0: none, 1: strict, 2: loose. The larger of all's and the link's counts. */
  readonly rpFilter?: number;
  readonly arpIgnore?: number;
  readonly arpAnnounce?: number;
  readonly arpFilter?: boolean;
  readonly arpAccept?: number;
  readonly proxyArp?: boolean;
  readonly proxyArpPvlan?: boolean;
  readonly routeLocalnet?: boolean;
  readonly acceptLocal?: boolean;
  readonly srcValidMark?: boolean;
  readonly logMartians?: boolean;
  readonly acceptRedirects?: boolean;
  readonly sendRedirects?: boolean;
  readonly ignoreRoutesWithLinkDown?: boolean;
  readonly dropUnicastInL2Multicast?: boolean;
}

export interface Ipv6Settings {
  /** 0: host, 1: router, 2: router that takes router advertisements all the same (all only). */
  readonly forwarding?: number;
  readonly disabled?: boolean;
  readonly acceptRa?: number;
  readonly acceptDad?: number;
  readonly autoconf?: boolean;
  readonly proxyNdp?: boolean;
  readonly acceptRedirects?: boolean;
  readonly ignoreRoutesWithLinkDown?: boolean;
  readonly dropUnicastInL2Multicast?: boolean;
  readonly hopLimit?: number;
  readonly mtuBytes?: number;
  /** 0: from the MAC (EUI-64), 1: none, 2: stable privacy, 3: random. */
  readonly addressGeneration?: number;
}

// ---- rules ----

export interface Nftables {
  /** Objects of libnftables-json(5) as `nft -j list ruleset` gives them, without 'metainfo'; empty without tables. */
  readonly ruleset: readonly NftObject[];
}

/** One key: 'table', 'chain', 'rule', 'set', 'map', 'element', 'flowtable', 'counter', 'ct helper', … */
export type NftObject = Readonly<Record<string, unknown>>;

export interface Xtables {
  readonly family: Family | 'arp' | 'bridge';
  /** Which of the kernel's two engines holds the rules. Those in nf_tables show up in `nftables`, too, but opaque. */
  readonly backend: 'legacy' | 'nft';
  /** As iptables-save writes it, with counters: '*nat', ':PREROUTING ACCEPT [0:0]', '[0:0] -A …', 'COMMIT'. */
  readonly text: string;
}

// ---- sockets, flows, names ----

export interface Socket {
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  /** Of the socket: an IPv6 one on '::' takes IPv4 as well, unless `v6Only`. */
  readonly family: Family;
  /** '0.0.0.0' and '::' are any. */
  readonly address: string;
  readonly port: number;
  readonly v6Only?: boolean;
  /** Bound to this link (SO_BINDTODEVICE). */
  readonly link?: number;
  readonly uid?: number;
  readonly inode?: number;
  readonly owner?: Process;
}

export interface Flow {
  /** IANA protocol number. */
  readonly protocol: number;
  /** From the one who began, before any translation. */
  readonly original: FlowTuple;
  /** The answers, before they are translated back: its source is the real server. */
  readonly reply: FlowTuple;
  readonly seenReply?: boolean;
  readonly destinationTranslated?: boolean;
  readonly sourceTranslated?: boolean;
  readonly timeoutSeconds: number;
  readonly mark?: number;
}

export interface FlowTuple {
  readonly source: string;
  readonly destination: string;
  /** 0 where the protocol has no ports. */
  readonly sourcePort: number;
  readonly destinationPort: number;
}

export interface Resolver {
  /** From where the files are: '/etc', '/etc/netns/blue', '/proc/4711/root/etc'. */
  readonly directory: string;
  /** From resolv.conf. */
  readonly nameservers: readonly string[];
  readonly search: readonly string[];
  readonly options: readonly string[];
  /** From hosts, in order. */
  readonly hosts: readonly { readonly address: string; readonly names: readonly string[] }[];
  /** The words of nsswitch.conf's line 'hosts', such as 'files', 'dns'; absent without one. */
  readonly sources?: readonly string[];
}

// ---- containers ----

export type ContainerEngine = 'pontoon' | 'docker' | 'podman';

/** What its engine says about a container: configured, not observed. */
export interface Container {
  readonly engine: ContainerEngine;
  readonly id: string;
  readonly name: string;
  /** 'running', 'exited', 'created', 'paused', …, in the engine's words. */
  readonly state: string;
  readonly pid?: number;
  /** Absent when it does not run. */
  readonly namespace?: NamespaceId;
  readonly hostname?: string;
  readonly image?: string;
  readonly labels: Readonly<Record<string, string>>;
  /** 'bridge', 'host', 'none', 'container:ID', or a network's name. */
  readonly networkMode?: string;
  readonly networks: readonly ContainerEndpoint[];
  readonly ports: readonly PublishedPort[];
  readonly resolver?: Resolver;
}

/** A container's place in a network. */
export interface ContainerEndpoint {
  /** The network's name. */
  readonly network: string;
  readonly networkId?: string;
  readonly mac?: string;
  /** With prefix lengths. */
  readonly addresses: readonly string[];
  readonly gateways: readonly string[];
  /** Names by which containers of the same network find it, besides its own. */
  readonly aliases: readonly string[];
}

/** `hostAddress` '0.0.0.0' or '::' is any. */
export interface PublishedPort {
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly hostAddress: string;
  /** Absent: not yet chosen (the container does not run). */
  readonly hostPort?: number;
  readonly containerPort: number;
}

export interface ContainerNetwork {
  readonly engine: ContainerEngine;
  readonly id: string;
  readonly name: string;
  readonly driver: string;
  readonly subnets: readonly { readonly subnet: string; readonly gateway?: string }[];
  /** The bridge in the host's namespace, by name. */
  readonly bridge?: string;
  /** No way out of the network. */
  readonly internal?: boolean;
  /** False: containers of the network may not talk to each other (`com.docker.network.bridge.enable_icc`). Absent: they may. */
  readonly interContainer?: boolean;
  /** False: the network's sources are not masqueraded. Absent: they are, by the driver bridge. */
  readonly masquerade?: boolean;
  readonly options: Readonly<Record<string, string>>;
}
