/**
 * @module Policy rules: which routing table a packet is looked up in, by its addresses, mark, link or ports.
 * @see linux/fib_rules.h, net/core/fib_rules.c, ip-rule(8)
 */

import { AF_INET, AF_INET6 } from '../ffi.ts';
import { formatAddress, parseInterfaceAddress } from '../inet.ts';
import { Attributes, type MessageWriter, type NetlinkMessage } from '../netlink/codec.ts';
import type { NetlinkRequest, NetlinkSocket } from '../netlink/socket.ts';
import { NLM_F_CREATE, NLM_F_EXCL } from '../uapi/netlink.ts';
import * as uapi from '../uapi/rtnetlink.ts';

/** sizeof(struct fib_rule_hdr) */
const HEADER_BYTES = 12;

/** What a rule that matches does; 'lookup' goes on with the next rule where the table has no route. */
export type RuleAction = keyof typeof ACTIONS;
const ACTIONS = {
  lookup: uapi.FR_ACT_TO_TBL,
  goto: uapi.FR_ACT_GOTO,
  nop: uapi.FR_ACT_NOP,
  blackhole: uapi.FR_ACT_BLACKHOLE,
  unreachable: uapi.FR_ACT_UNREACHABLE,
  prohibit: uapi.FR_ACT_PROHIBIT,
} as const;
const ACTION_NAMES = new Map(Object.entries(ACTIONS).map(([name, value]) => [value as number, name as RuleAction]));

/** Both ends belong to the range: from 1 to 65,534, which the kernel takes for the highest port of a rule. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** What a rule matches and does. An absent match fits every packet. */
export interface RuleSettings {
  readonly family: 4 | 6;
  /** Rules are tried from the lowest number on. Default: one below the lowest in use but 0. */
  readonly priority?: number;
  /** Source and destination prefix. */
  readonly from?: string;
  readonly to?: string;
  /** Names of links; 'lo' as `incoming` fits packets of this host's own. */
  readonly incoming?: string;
  readonly outgoing?: string;
  readonly mark?: { readonly value: number; readonly mask?: number };
  /** An IP protocol number. */
  readonly protocol?: number;
  readonly sourcePorts?: PortRange;
  readonly destinationPorts?: PortRange;
  /** The rule fits the packets that its matches do not fit. */
  readonly invert?: boolean;
  /** Default: lookup. */
  readonly action?: RuleAction;
  /** The table of 'lookup'. Default: main (254). */
  readonly table?: number;
  /** Routes of `table` with at most this prefix length do not count: 0 leaves out the default route. */
  readonly suppressPrefixLength?: number;
  /** The priority of the rule that 'goto' goes on with. */
  readonly target?: number;
  /** RTPROT_*: who made it. Default: boot (3). */
  readonly origin?: number;
}

export interface Rule {
  readonly family: 4 | 6;
  readonly priority: number;
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly incoming: string | undefined;
  readonly outgoing: string | undefined;
  readonly mark: { readonly value: number; readonly mask: number } | undefined;
  readonly protocol: number | undefined;
  readonly sourcePorts: PortRange | undefined;
  readonly destinationPorts: PortRange | undefined;
  /** Both ends belong to the range of user IDs. */
  readonly users: PortRange | undefined;
  /** The rule fits packets of VRF links, and the table is the VRF's. */
  readonly vrf: boolean;
  readonly tos: number;
  readonly invert: boolean;
  /** Undefined for one that Pontoon does not know. */
  readonly action: RuleAction | undefined;
  readonly table: number;
  readonly suppressPrefixLength: number | undefined;
  readonly target: number | undefined;
  readonly origin: number;
}

/** @throws (when requested) KernelError EEXIST where the same rule is there already */
export function addRule(settings: RuleSettings): NetlinkRequest {
  return ruleRequest('RTM_NEWRULE', uapi.RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, settings);
}

/** Deletes the first rule that has all that the settings say. @throws (when requested) KernelError ENOENT */
export function deleteRule(settings: RuleSettings): NetlinkRequest {
  return ruleRequest('RTM_DELRULE', uapi.RTM_DELRULE, 0, settings);
}

/** The rules of the socket's namespace in the order in which they are tried, IPv4 before IPv6. @throws KernelError */
export function listRules(socket: NetlinkSocket, filter: { family?: 4 | 6 } = {}): Rule[] {
  const families = filter.family === undefined ? [AF_INET, AF_INET6] : [filter.family === 4 ? AF_INET : AF_INET6];
  return families.flatMap((family) =>
    socket
      .dump({
        call: 'RTM_GETRULE',
        type: uapi.RTM_GETRULE,
        write(message) {
          const header = Buffer.alloc(HEADER_BYTES);
          header.writeUInt8(family, 0);
          message.fixed(header);
        },
      })
      .map(parseRule),
  );
}

/** Reads an RTM_NEWRULE or RTM_DELRULE message. */
export function parseRule(message: NetlinkMessage): Rule {
  const { payload } = message;
  const attributes = new Attributes(payload, HEADER_BYTES);
  const prefix = (type: number, prefixLength: number): string | undefined => {
    const bytes = attributes.bytes(type);
    return bytes === undefined ? undefined : `${formatAddress(bytes)}/${prefixLength}`;
  };
  const mark = attributes.u32(uapi.FRA_FWMARK);
  const mask = attributes.u32(uapi.FRA_FWMASK);
  return {
    family: payload.readUInt8(0) === AF_INET ? 4 : 6,
    priority: attributes.u32(uapi.FRA_PRIORITY) ?? 0,
    from: prefix(uapi.FRA_SRC, payload.readUInt8(2)),
    to: prefix(uapi.FRA_DST, payload.readUInt8(1)),
    incoming: attributes.string(uapi.FRA_IIFNAME),
    outgoing: attributes.string(uapi.FRA_OIFNAME),
    mark: mask === undefined && mark === undefined ? undefined : { value: mark ?? 0, mask: mask ?? 0xffff_ffff },
    protocol: attributes.u8(uapi.FRA_IP_PROTO),
    sourcePorts: parsePorts(attributes.bytes(uapi.FRA_SPORT_RANGE)),
    destinationPorts: parsePorts(attributes.bytes(uapi.FRA_DPORT_RANGE)),
    users: parseUsers(attributes.bytes(uapi.FRA_UID_RANGE)),
    vrf: attributes.u8(uapi.FRA_L3MDEV) === 1,
    tos: payload.readUInt8(3),
    invert: (payload.readUInt32LE(8) & uapi.FIB_RULE_INVERT) !== 0,
    action: ACTION_NAMES.get(payload.readUInt8(7)),
    table: attributes.u32(uapi.FRA_TABLE) ?? payload.readUInt8(4),
    // The kernel sends -1 for none.
    suppressPrefixLength: notNegative(attributes.s32(uapi.FRA_SUPPRESS_PREFIXLEN)),
    target: attributes.u32(uapi.FRA_GOTO),
    origin: attributes.u8(uapi.FRA_PROTOCOL) ?? uapi.RTPROT_UNSPEC,
  };
}

function notNegative(value: number | undefined): number | undefined {
  return value === undefined || value < 0 ? undefined : value;
}

/** struct fib_rule_port_range */
function parsePorts(bytes: Buffer | undefined): PortRange | undefined {
  return bytes === undefined || bytes.length < 4
    ? undefined
    : { first: bytes.readUInt16LE(0), last: bytes.readUInt16LE(2) };
}

/** struct fib_rule_uid_range */
function parseUsers(bytes: Buffer | undefined): PortRange | undefined {
  return bytes === undefined || bytes.length < 8
    ? undefined
    : { first: bytes.readUInt32LE(0), last: bytes.readUInt32LE(4) };
}

function ruleRequest(call: string, type: number, flags: number, settings: RuleSettings): NetlinkRequest {
  const subject = `IPv${settings.family} rule${settings.priority === undefined ? '' : ` ${settings.priority}`}`;
  return { call, subject, type, flags, write: (message) => writeRule(message, settings) };
}

function writeRule(message: MessageWriter, settings: RuleSettings): void {
  const from = settings.from === undefined ? undefined : parseInterfaceAddress(settings.from);
  const to = settings.to === undefined ? undefined : parseInterfaceAddress(settings.to);
  const action = settings.action ?? 'lookup';
  const table = settings.table ?? (action === 'lookup' ? uapi.RT_TABLE_MAIN : uapi.RT_TABLE_UNSPEC);
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt8(settings.family === 4 ? AF_INET : AF_INET6, 0);
  header.writeUInt8(to?.prefixLength ?? 0, 1);
  header.writeUInt8(from?.prefixLength ?? 0, 2);
  header.writeUInt8(table < 256 ? table : uapi.RT_TABLE_UNSPEC, 4);
  header.writeUInt8(ACTIONS[action], 7);
  header.writeUInt32LE(settings.invert ? uapi.FIB_RULE_INVERT : 0, 8);
  message.fixed(header).u8(uapi.FRA_PROTOCOL, settings.origin ?? uapi.RTPROT_BOOT);
  if (table !== uapi.RT_TABLE_UNSPEC) message.u32(uapi.FRA_TABLE, table);
  if (settings.priority !== undefined) message.u32(uapi.FRA_PRIORITY, settings.priority);
  if (from !== undefined) message.bytes(uapi.FRA_SRC, from.address);
  if (to !== undefined) message.bytes(uapi.FRA_DST, to.address);
  if (settings.incoming !== undefined) message.string(uapi.FRA_IIFNAME, settings.incoming);
  if (settings.outgoing !== undefined) message.string(uapi.FRA_OIFNAME, settings.outgoing);
  if (settings.mark !== undefined) {
    message.u32(uapi.FRA_FWMARK, settings.mark.value).u32(uapi.FRA_FWMASK, settings.mark.mask ?? 0xffff_ffff);
  }
  if (settings.protocol !== undefined) message.u8(uapi.FRA_IP_PROTO, settings.protocol);
  if (settings.sourcePorts !== undefined) message.bytes(uapi.FRA_SPORT_RANGE, portRange(settings.sourcePorts));
  if (settings.destinationPorts !== undefined) {
    message.bytes(uapi.FRA_DPORT_RANGE, portRange(settings.destinationPorts));
  }
  if (settings.suppressPrefixLength !== undefined) {
    message.u32(uapi.FRA_SUPPRESS_PREFIXLEN, settings.suppressPrefixLength);
  }
  if (settings.target !== undefined) message.u32(uapi.FRA_GOTO, settings.target);
}

function portRange({ first, last }: PortRange): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt16LE(first, 0);
  bytes.writeUInt16LE(last, 2);
  return bytes;
}
