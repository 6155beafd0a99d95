/**
 * @module Kernel features that a build may lack: what each is called, what it takes, and whether it is here.
 *
 * A feature is probed by use, in a scratch namespace that is gone afterwards: configuration files lie, and a module may be
 * loaded by the very request. The kernel looks a name up before it looks at the rest, so a bare request is enough: it
 * says "no such kind" where the feature is missing, and "incomplete" where it is here.
 */

import { closeSync } from 'node:fs';
import { PontoonError } from '../errors.ts';
import { type Errno, KernelError } from './error.ts';
import * as ffi from './ffi.ts';
import { inScratchNamespace } from './namespace.ts';
import { Attributes } from './netlink/codec.ts';
import { openNetfilter } from './netlink/nfnetlink.ts';
import { NetlinkSocket } from './netlink/socket.ts';
import { transact } from './nftables/batch.ts';
import { addChain, addRule, addTable, type Chain } from './nftables/table.ts';
import { createVeth } from './rtnetlink/link.ts';
import { IPPROTO_SCTP } from './uapi/in.ts';
import { NETLINK_ROUTE, NLM_F_CREATE, NLM_F_EXCL } from './uapi/netlink.ts';
import * as uapi from './uapi/rtnetlink.ts';

interface Feature {
  /** "this kernel has no …" */
  readonly what: string;
  readonly config: string;
  /** The first Linux with it. */
  readonly since: string;
  /** What to load; absent where it is no module. */
  readonly module?: string;
  /** What else can be done. */
  readonly instead?: string;
  /** Nothing works without it. */
  readonly required: boolean;
  /** Uses the feature, in a namespace that is thrown away. @throws KernelError with a MISSING errno where there is none */
  readonly probe: () => void;
}

/** sizeof(struct ifinfomsg) */
const IFINFOMSG_BYTES = 16;

const TABLE = { family: 'inet', name: 'probe' } as const;
const POSTROUTING: Chain = {
  table: TABLE,
  name: 'probe',
  base: { type: 'nat', hook: 'postrouting', priority: 100 },
};
/** A BIG TCP burst: more than the 64 KiB of an IPv4 length field. */
const BIG_TCP_BYTES = 128 * 1024;

const FEATURES = {
  veth: link('veth', 'CONFIG_VETH', '2.6.24', true),
  bridge: link('bridge', 'CONFIG_BRIDGE', '3.0', true),
  macvlan: link('macvlan', 'CONFIG_MACVLAN', '2.6.23', false, 'use the bridge driver'),
  ipvlan: link('ipvlan', 'CONFIG_IPVLAN', '3.19', false, 'use the bridge driver'),
  vxlan: link('vxlan', 'CONFIG_VXLAN', '3.7', false),
  vlan: { ...link('vlan', 'CONFIG_VLAN_8021Q', '2.6.23', false), module: '8021q' },
  dummy: link('dummy', 'CONFIG_DUMMY', '2.6.23', false, 'use a bridge without ports'),
  nftables: {
    what: 'nftables for both families at once',
    config: 'CONFIG_NF_TABLES_INET',
    since: '3.14',
    module: 'nf_tables',
    required: true,
    probe: () => nftables(() => [addTable(TABLE)]),
  },
  nat: {
    what: 'nftables NAT for both families at once',
    config: 'CONFIG_NFT_NAT and CONFIG_NFT_MASQ',
    since: '5.2',
    module: 'nft_chain_nat',
    required: true,
    probe: () =>
      nftables(() => [
        addTable(TABLE),
        addChain(POSTROUTING),
        addRule(POSTROUTING, [{ name: 'masq', write: () => {} }]),
      ]),
  },
  fib: {
    what: 'nftables fib expression',
    config: 'CONFIG_NFT_FIB_INET',
    since: '4.10',
    module: 'nft_fib_inet',
    required: true,
    probe: () =>
      nftables(() => {
        const chain = { table: TABLE, name: 'probe' };
        return [addTable(TABLE), addChain(chain), addRule(chain, [{ name: 'fib', write: () => {} }])];
      }),
  },
  'private-procfs': {
    what: 'mounts without a path (fsopen)',
    config: 'fsopen(2)',
    since: '5.2',
    required: true,
    probe: () => closeSync(ffi.mountDetached('proc')),
  },
  ipv6: {
    what: 'IPv6',
    config: 'CONFIG_IPV6',
    since: '2.6',
    module: 'ipv6',
    instead: 'remove ipv6.disable=1 from the kernel command line',
    required: true,
    probe: () => closeSync(ffi.socket(ffi.AF_INET6, ffi.SOCK_DGRAM, 0, 'IPv6')),
  },
  sctp: {
    what: 'SCTP sockets',
    config: 'CONFIG_IP_SCTP',
    since: '2.6',
    module: 'sctp',
    instead: 'publish tcp or udp ports',
    required: false,
    probe: () => closeSync(ffi.socket(ffi.AF_INET, ffi.SOCK_STREAM, IPPROTO_SCTP, 'SCTP')),
  },
  packet: {
    what: 'packet sockets',
    config: 'CONFIG_PACKET',
    since: '2.2',
    module: 'af_packet',
    required: false,
    // Nobody waits for the close, which takes the kernel 15 ms; if it failed, that would be an uncaught rejection.
    probe: () => void ffi.closeAsync(ffi.socket(ffi.AF_PACKET, ffi.SOCK_RAW, 0, 'packet socket')),
  },
  'big-tcp': {
    what: 'IPv4 packets above 64 KiB inside the host (BIG TCP)',
    config: 'IFLA_GSO_IPV4_MAX_SIZE',
    since: '6.3',
    required: false,
    probe: probeBigTcp,
  },
} satisfies Record<string, Feature>;

export type FeatureName = keyof typeof FEATURES;

/** The errnos by which the kernel says that it does not know what was asked for. */
const MISSING: readonly Errno[] = [
  'EOPNOTSUPP',
  'EAFNOSUPPORT',
  'EPROTONOSUPPORT',
  'ESOCKTNOSUPPORT',
  'ENOPROTOOPT',
  'ENOSYS',
  'ENOENT',
];
/** The errno by which it says that the request is incomplete: it knows the feature. */
const INCOMPLETE: Errno = 'EINVAL';

/** What the probes of this process found: the refusal, or undefined where the feature is here. */
const found = new Map<FeatureName, KernelError | undefined>();

/** Whether the kernel has a feature; probed once per process. @throws KernelError no-privilege */
export function hasFeature(name: FeatureName): boolean {
  if (!found.has(name)) probe([name]);
  return found.get(name) === undefined;
}

/**
 * Throws where the kernel lacks a feature, with what to do. What was missing before is probed again, as its module may
 * have been loaded meanwhile. @throws PontoonError feature-missing; KernelError no-privilege
 */
export function requireFeature(name: FeatureName): void {
  if (found.get(name) !== undefined) found.delete(name);
  if (!hasFeature(name)) throw missing(name);
}

/** Runs a step that needs a feature. Where it fails because the kernel lacks that, the error says so. */
export function withFeature<T>(name: FeatureName, step: () => T): T {
  try {
    return step();
  } catch (error) {
    if (KernelError.isKernel(error, ...MISSING)) requireFeature(name);
    throw error;
  }
}

/** Throws the first thing that the engine needs and this process does not have. @throws PontoonError */
export function requireEngineFeatures(): void {
  const [first] = missingFeatures();
  if (first !== undefined) throw first;
}

/**
 * What is missing of `names` (default: what nothing works without), each as the error that its use would give. Without
 * privilege nothing can be probed: then that is the one thing in the list.
 */
export function missingFeatures(names: readonly FeatureName[] = REQUIRED): PontoonError[] {
  try {
    probe(names);
  } catch (error) {
    if (PontoonError.is(error, 'no-privilege')) return [error];
    throw error;
  }
  return names.filter((name) => found.get(name) !== undefined).map(missing);
}

export const FEATURE_NAMES = Object.keys(FEATURES) as FeatureName[];
const REQUIRED = FEATURE_NAMES.filter((name) => FEATURES[name].required);

function missing(name: FeatureName): PontoonError {
  const { what, config, since, module, instead }: Feature = FEATURES[name];
  const remedies = [module === undefined ? `run Linux ${since} or later` : `load the module ${module}`];
  if (instead !== undefined) remedies.push(instead);
  return new PontoonError(
    'feature-missing',
    `this kernel has no ${what} (${config}, Linux ${since}): ${remedies.join(', or ')}`,
    { subject: name, cause: found.get(name) },
  );
}

/** Probes in one scratch namespace. */
function probe(names: readonly FeatureName[]): void {
  inScratchNamespace(() => {
    for (const name of names) found.set(name, refusal(FEATURES[name].probe));
  });
}

function refusal(use: () => void): KernelError | undefined {
  try {
    use();
  } catch (error) {
    if (KernelError.isKernel(error, ...MISSING)) return error;
    if (!KernelError.isKernel(error, INCOMPLETE)) throw error;
  }
  return undefined;
}

function link(kind: string, config: string, since: string, required: boolean, instead?: string): Feature {
  return {
    what: `${kind} links`,
    config,
    since,
    module: kind,
    required,
    ...(instead === undefined ? {} : { instead }),
    probe: () => probeLinkKind(kind),
  };
}

/** A link of the kind with nothing but a name. */
function probeLinkKind(kind: string): void {
  using socket = new NetlinkSocket(NETLINK_ROUTE);
  socket.request({
    call: 'RTM_NEWLINK',
    subject: kind,
    type: uapi.RTM_NEWLINK,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    write: (message) =>
      message
        .fixed(Buffer.alloc(IFINFOMSG_BYTES))
        .string(uapi.IFLA_IFNAME, `probe-${kind}`)
        .nest(uapi.IFLA_LINKINFO, (info) => info.string(uapi.IFLA_INFO_KIND, kind)),
  });
}

function nftables(requests: () => Parameters<typeof transact>[1]): void {
  using socket = openNetfilter();
  transact(socket, requests());
}

/** The kernel skips attributes that it does not know, so the limit is set and read back. */
function probeBigTcp(): void {
  using socket = new NetlinkSocket(NETLINK_ROUTE);
  const name = 'probe-big';
  socket.request(createVeth({ name, gsoMaxBytes: BIG_TCP_BYTES, peer: { name: 'probe-peer' } }));
  const [answer] = socket.request({
    call: 'RTM_GETLINK',
    subject: name,
    type: uapi.RTM_GETLINK,
    flags: 0,
    write: (message) => message.fixed(Buffer.alloc(IFINFOMSG_BYTES)).string(uapi.IFLA_IFNAME, name),
  });
  const limit = answer && new Attributes(answer.payload, IFINFOMSG_BYTES).u32(uapi.IFLA_GSO_IPV4_MAX_SIZE);
  if (limit !== BIG_TCP_BYTES) {
    throw new KernelError('RTM_NEWLINK', 'EOPNOTSUPP', {
      subject: name,
      detail: 'IFLA_GSO_IPV4_MAX_SIZE is not obeyed',
    });
  }
}
