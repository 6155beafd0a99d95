/**
 * @module The shape of the snapshot document, version 1: what `parseSnapshot` accepts, and docs/snapshot.schema.json.
 *
 * The limits are far above any real host's, and low enough that no document can exhaust the reader.
 */

import ipaddr from 'ipaddr.js';
import {
  amount,
  flag,
  integer,
  json,
  list,
  object,
  oneOf,
  optional,
  record,
  type Shape,
  text,
  textWhere,
} from './shape.ts';
import type * as Types from './types.ts';
import { SNAPSHOT_FORMAT, SNAPSHOT_VERSION } from './types.ts';

const ENTRIES_MAX = 1_000_000;
const NAMESPACES_MAX = 100_000;
const FEW = 10_000;
const RULESET_DEPTH = 64;
const SAVED_MAX = 64 * 1024 * 1024;

const isIp = (value: string): boolean => ipaddr.IPv4.isValidFourPartDecimal(value) || ipaddr.IPv6.isValid(value);
const PREFIX = /^(.+)\/(\d{1,3})$/;
function isPrefix(value: string): boolean {
  const [, address, length] = PREFIX.exec(value) ?? [];
  return address !== undefined && isIp(address) && Number(length) <= (address.includes(':') ? 128 : 32);
}

const word = text({ max: 255 });
const line = text({ max: 4096 });
const path = text({ max: 4096 });
const ip = textWhere(64, 'an IP address', isIp);
const prefix = textWhere(64, 'a prefix such as 10.0.0.0/8', isPrefix);
const mac = text({ max: 17, pattern: /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/, what: 'a MAC address' });
const namespaceId = text({ max: 40, pattern: /^net:\[[0-9]+\]$/, what: 'a namespace such as net:[4026531840]' });
const family = oneOf(4, 6);
const u16 = integer(0, 0xffff);
const u32 = integer(0, 0xffff_ffff);
const s32 = integer(-0x8000_0000, 0x7fff_ffff);
const index = integer(0, 0x7fff_ffff);
const vlanId = integer(0, 4095);
const pid = integer(0, 0x7fff_ffff);
const owner = oneOf('host', 'pontoon', 'docker', 'podman', 'netns', 'process');
const engine = oneOf('pontoon', 'docker', 'podman');

const range = object<Types.PortRange>('PortRange', { first: u32, last: u32 });
const process = object<Types.Process>('Process', { pid, command: word });

const reference = object<Types.LinkReference>('LinkReference', { namespace: optional(namespaceId), index });

const bridge = object<Types.Bridge>('Bridge', {
  stp: optional(oneOf('kernel', 'user')),
  ageingSeconds: amount,
  forwardDelaySeconds: amount,
  vlanFiltering: optional(flag),
  defaultPvid: vlanId,
  vlanProtocol: oneOf('802.1Q', '802.1ad'),
  groupForwardMask: u16,
  callIptables: optional(flag),
  callIp6tables: optional(flag),
  callArptables: optional(flag),
  multicastSnooping: optional(flag),
  multicastQuerier: optional(flag),
});

const port = object<Types.BridgePort>('BridgePort', {
  state: oneOf('disabled', 'listening', 'learning', 'forwarding', 'blocking'),
  number: u16,
  cost: u32,
  priority: u16,
  learning: optional(flag),
  unicastFlood: optional(flag),
  multicastFlood: optional(flag),
  broadcastFlood: optional(flag),
  isolated: optional(flag),
  hairpin: optional(flag),
  neighSuppress: optional(flag),
  proxyArp: optional(flag),
  locked: optional(flag),
  bpduGuard: optional(flag),
  multicastRouter: optional(integer(0, 255)),
});

const ipv4 = object<Types.Ipv4Settings>('Ipv4Settings', {
  forwarding: optional(flag),
  rpFilter: optional(s32),
  arpIgnore: optional(s32),
  arpAnnounce: optional(s32),
  arpFilter: optional(flag),
  arpAccept: optional(s32),
  proxyArp: optional(flag),
  proxyArpPvlan: optional(flag),
  routeLocalnet: optional(flag),
  acceptLocal: optional(flag),
  srcValidMark: optional(flag),
  logMartians: optional(flag),
  acceptRedirects: optional(flag),
  sendRedirects: optional(flag),
  ignoreRoutesWithLinkDown: optional(flag),
  dropUnicastInL2Multicast: optional(flag),
});

const ipv6 = object<Types.Ipv6Settings>('Ipv6Settings', {
  forwarding: optional(s32),
  disabled: optional(flag),
  acceptRa: optional(s32),
  acceptDad: optional(s32),
  autoconf: optional(flag),
  proxyNdp: optional(flag),
  acceptRedirects: optional(flag),
  ignoreRoutesWithLinkDown: optional(flag),
  dropUnicastInL2Multicast: optional(flag),
  hopLimit: optional(s32),
  mtuBytes: optional(s32),
  addressGeneration: optional(integer(0, 255)),
});

const link = object<Types.Link>('Link', {
  index,
  name: word,
  alternativeNames: optional(list(word, FEW)),
  kind: word,
  mac: optional(mac),
  mtuBytes: u32,
  up: optional(flag),
  carrier: optional(flag),
  operState: oneOf('unknown', 'notpresent', 'down', 'lowerlayerdown', 'testing', 'dormant', 'up'),
  noArp: optional(flag),
  promiscuous: optional(flag),
  pointToPoint: optional(flag),
  master: optional(index),
  peer: optional(reference),
  lower: optional(reference),
  group: optional(u32),
  alias: optional(line),
  xdp: optional(flag),
  qdisc: optional(word),
  bridge: optional(bridge),
  port: optional(port),
  vlans: optional(
    list(
      object<Types.PortVlan>('PortVlan', {
        first: vlanId,
        last: vlanId,
        pvid: optional(flag),
        untagged: optional(flag),
      }),
      4096,
    ),
  ),
  vlan: optional(object<NonNullable<Types.Link['vlan']>>('Vlan', { id: vlanId, protocol: oneOf('802.1Q', '802.1ad') })),
  macvlan: optional(
    object<NonNullable<Types.Link['macvlan']>>('Macvlan', {
      mode: oneOf('private', 'vepa', 'bridge', 'passthru', 'source'),
    }),
  ),
  ipvlan: optional(object<NonNullable<Types.Link['ipvlan']>>('Ipvlan', { mode: oneOf('l2', 'l3', 'l3s'), flags: u16 })),
  vxlan: optional(
    object<Types.Vxlan>('Vxlan', {
      vni: u32,
      local: optional(ip),
      remote: optional(ip),
      port: u16,
      learning: optional(flag),
    }),
  ),
  tun: optional(
    object<NonNullable<Types.Link['tun']>>('Tun', { type: oneOf('tun', 'tap'), persistent: optional(flag) }),
  ),
  vrf: optional(object<NonNullable<Types.Link['vrf']>>('Vrf', { table: u32 })),
  counters: object<Types.Counters>('Counters', {
    receivedPackets: amount,
    receivedBytes: amount,
    receiveErrors: amount,
    receiveDropped: amount,
    sentPackets: amount,
    sentBytes: amount,
    sendErrors: amount,
    sendDropped: amount,
  }),
  ipv4: optional(ipv4),
  ipv6: optional(ipv6),
});

const address = object<Types.Address>('Address', {
  link: index,
  family,
  address: ip,
  prefixLength: integer(0, 128),
  peer: optional(ip),
  broadcast: optional(ip),
  scope: word,
  permanent: optional(flag),
  tentative: optional(flag),
  dadFailed: optional(flag),
  deprecated: optional(flag),
  secondary: optional(flag),
  noPrefixRoute: optional(flag),
});

const rule = object<Types.Rule>('Rule', {
  family,
  priority: u32,
  from: optional(prefix),
  to: optional(prefix),
  incoming: optional(word),
  outgoing: optional(word),
  mark: optional(object<NonNullable<Types.Rule['mark']>>('Mark', { value: u32, mask: u32 })),
  protocol: optional(integer(0, 255)),
  sourcePorts: optional(range),
  destinationPorts: optional(range),
  users: optional(range),
  vrf: optional(flag),
  tos: optional(integer(0, 255)),
  invert: optional(flag),
  action: oneOf('lookup', 'goto', 'nop', 'blackhole', 'unreachable', 'prohibit', 'unknown'),
  table: optional(u32),
  suppressPrefixLength: optional(integer(0, 128)),
  target: optional(u32),
  origin: integer(0, 255),
});

const route = object<Types.Route>('Route', {
  family,
  table: u32,
  destination: prefix,
  source: optional(prefix),
  type: oneOf(
    'unspec',
    'unicast',
    'local',
    'broadcast',
    'anycast',
    'multicast',
    'blackhole',
    'unreachable',
    'prohibit',
    'throw',
    'nat',
  ),
  nextHops: list(
    object<Types.NextHop>('NextHop', {
      via: optional(ip),
      link: optional(index),
      weight: integer(0, 65_536),
      onlink: optional(flag),
      dead: optional(flag),
      linkDown: optional(flag),
    }),
    FEW,
  ),
  preferredSource: optional(ip),
  metric: u32,
  tos: optional(integer(0, 255)),
  scope: word,
  protocol: integer(0, 255),
  mtuBytes: optional(u32),
  mtuLocked: optional(flag),
});

const neighbour = object<Types.Neighbour>('Neighbour', {
  link: index,
  family,
  address: ip,
  mac: optional(mac),
  state: oneOf('NONE', 'INCOMPLETE', 'REACHABLE', 'STALE', 'DELAY', 'PROBE', 'FAILED', 'NOARP', 'PERMANENT'),
  proxy: optional(flag),
  router: optional(flag),
  external: optional(flag),
  confirmedSeconds: optional(amount),
  usedSeconds: optional(amount),
  updatedSeconds: optional(amount),
});

const fdbEntry = object<Types.FdbEntry>('FdbEntry', {
  link: index,
  bridge: optional(index),
  mac,
  vlan: optional(vlanId),
  type: oneOf('learned', 'static', 'local'),
  sticky: optional(flag),
  external: optional(flag),
  remote: optional(ip),
  usedSeconds: optional(amount),
  updatedSeconds: optional(amount),
});

const mdbEntry = object<Types.MdbEntry>('MdbEntry', {
  bridge: index,
  port: index,
  group: text({ max: 64 }),
  vlan: optional(vlanId),
  permanent: optional(flag),
});

const settings = object<Types.Settings>('Settings', {
  ipv4: object<Types.Settings['ipv4']>('NamespaceIpv4Settings', {
    all: ipv4,
    default: ipv4,
    icmpEchoIgnoreAll: optional(flag),
    localPortRange: optional(range),
  }),
  ipv6: optional(
    object<NonNullable<Types.Settings['ipv6']>>('NamespaceIpv6Settings', {
      all: ipv6,
      default: ipv6,
      icmpEchoIgnoreAll: optional(flag),
    }),
  ),
  bridge: optional(
    object<NonNullable<Types.Settings['bridge']>>('NamespaceBridgeSettings', {
      callIptables: optional(flag),
      callIp6tables: optional(flag),
      callArptables: optional(flag),
    }),
  ),
});

const socket = object<Types.Socket>('Socket', {
  protocol: oneOf('tcp', 'udp', 'sctp'),
  family,
  address: ip,
  port: u16,
  v6Only: optional(flag),
  link: optional(index),
  uid: optional(u32),
  inode: optional(integer()),
  owner: optional(process),
});

const tuple = object<Types.FlowTuple>('FlowTuple', {
  source: ip,
  destination: ip,
  sourcePort: u16,
  destinationPort: u16,
});

const flow = object<Types.Flow>('Flow', {
  protocol: integer(0, 255),
  original: tuple,
  reply: tuple,
  seenReply: optional(flag),
  destinationTranslated: optional(flag),
  sourceTranslated: optional(flag),
  timeoutSeconds: amount,
  mark: optional(u32),
});

const resolver = object<Types.Resolver>('Resolver', {
  directory: path,
  nameservers: list(word, FEW),
  search: list(word, FEW),
  options: list(word, FEW),
  hosts: list(
    object<Types.Resolver['hosts'][number]>('HostsLine', { address: word, names: list(word, FEW) }),
    ENTRIES_MAX,
  ),
  sources: optional(list(word, FEW)),
});

const namespace = object<Types.Namespace>('Namespace', {
  id: namespaceId,
  name: word,
  owner,
  names: list(object<Types.NamespaceName>('NamespaceName', { name: word, owner }), FEW),
  paths: list(path, FEW),
  processes: list(process, FEW),
  processCount: integer(),
  links: list(link, ENTRIES_MAX),
  addresses: list(address, ENTRIES_MAX),
  rules: list(rule, ENTRIES_MAX),
  routes: list(route, ENTRIES_MAX),
  neighbours: list(neighbour, ENTRIES_MAX),
  fdb: list(fdbEntry, ENTRIES_MAX),
  mdb: list(mdbEntry, ENTRIES_MAX),
  settings,
  nftables: object<Types.Nftables>('Nftables', {
    ruleset: list(record(json(RULESET_DEPTH), FEW), ENTRIES_MAX),
  }),
  xtables: list(
    object<Types.Xtables>('Xtables', {
      family: oneOf<Types.Xtables['family']>(4, 6, 'arp', 'bridge'),
      backend: oneOf('legacy', 'nft'),
      text: text({ max: SAVED_MAX }),
    }),
    FEW,
  ),
  sockets: list(socket, ENTRIES_MAX),
  resolver: optional(resolver),
  conntrack: optional(list(flow, ENTRIES_MAX)),
  trackedFlows: optional(integer()),
});

const container = object<Types.Container>('Container', {
  engine,
  id: word,
  name: word,
  state: word,
  pid: optional(pid),
  namespace: optional(namespaceId),
  hostname: optional(word),
  image: optional(line),
  labels: record(text({ max: 1024 * 1024 }), FEW),
  networkMode: optional(line),
  networks: list(
    object<Types.ContainerEndpoint>('ContainerEndpoint', {
      network: word,
      networkId: optional(word),
      mac: optional(mac),
      addresses: list(prefix, FEW),
      gateways: list(ip, FEW),
      aliases: list(word, FEW),
    }),
    FEW,
  ),
  ports: list(
    object<Types.PublishedPort>('PublishedPort', {
      protocol: oneOf('tcp', 'udp', 'sctp'),
      hostAddress: ip,
      hostPort: optional(u16),
      containerPort: u16,
    }),
    ENTRIES_MAX,
  ),
  resolver: optional(resolver),
});

const network = object<Types.ContainerNetwork>('ContainerNetwork', {
  engine,
  id: word,
  name: word,
  driver: word,
  subnets: list(
    object<Types.ContainerNetwork['subnets'][number]>('ContainerSubnet', { subnet: prefix, gateway: optional(ip) }),
    FEW,
  ),
  bridge: optional(word),
  internal: optional(flag),
  interContainer: optional(flag),
  masquerade: optional(flag),
  options: record(line, FEW),
});

const note = object<Types.Note>('Note', {
  kind: oneOf('truncated', 'unreadable', 'skipped'),
  what: word,
  namespace: optional(namespaceId),
  message: line,
});

export const snapshotShape: Shape<Types.Snapshot> = object<Types.Snapshot>('Snapshot', {
  format: oneOf(SNAPSHOT_FORMAT),
  version: oneOf(SNAPSHOT_VERSION),
  takenAt: text({ max: 40 }),
  pontoonVersion: word,
  redacted: optional(flag),
  host: object<Types.Host>('Host', { name: word, kernel: word, architecture: word }),
  namespaces: list(namespace, NAMESPACES_MAX),
  containers: list(container, NAMESPACES_MAX),
  networks: list(network, NAMESPACES_MAX),
  notes: list(note, NAMESPACES_MAX),
});
