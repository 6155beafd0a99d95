/**
 * @module Frames read back: Ethernet, ARP, IPv4, IPv6, ICMP, neighbour discovery, TCP, UDP. What is cut off or torn is
 * simply not there.
 * @see RFC 826, RFC 791, RFC 8200, RFC 792, RFC 4443, RFC 4861, RFC 9293, RFC 768
 */

import { Address } from '../../ipam/index.ts';

export interface Dissected {
  readonly sourceMac: string;
  readonly destinationMac: string;
  readonly kind: 'question' | 'answer' | 'packet' | 'error';
  /** question, answer: whose MAC is asked for. */
  readonly target?: string;
  readonly source: string;
  readonly destination: string;
  readonly protocol: 'arp' | 'nd' | 'icmp' | 'tcp' | 'udp' | 'sctp' | 'other';
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  /** ICMP echo: the identifier. */
  readonly echoId?: number;
  /** An echo reply, a SYN and ACK. */
  readonly isReply?: boolean;
  /** A TCP reset. */
  readonly isReset?: boolean;
  /** error: the destination of the packet that it is about. */
  readonly about?: string;
  /** One line, such as tcpdump prints. */
  readonly summary: string;
}

const ETHERNET_BYTES = 14;
const ARP = 0x0806;
const IPV4 = 0x0800;
const IPV6 = 0x86dd;

/** Undefined for frames that are not about IP. */
export function dissect(bytes: Buffer, protocol: number): Dissected | undefined {
  if (bytes.length < ETHERNET_BYTES) return undefined;
  const macs = { destinationMac: mac(bytes, 0), sourceMac: mac(bytes, 6) };
  const payload = bytes.subarray(ETHERNET_BYTES);
  try {
    if (protocol === ARP) return dissectArp(payload, macs);
    if (protocol === IPV4) return dissectIpv4(payload, macs);
    if (protocol === IPV6) return dissectIpv6(payload, macs);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return undefined;
}

type Macs = Pick<Dissected, 'sourceMac' | 'destinationMac'>;

function dissectArp(arp: Buffer, macs: Macs): Dissected | undefined {
  if (arp.readUInt16BE(2) !== IPV4) return undefined;
  const operation = arp.readUInt16BE(6);
  const sender = address(arp, 14, 4);
  const target = address(arp, 24, 4);
  const base = { ...macs, source: sender, destination: target, protocol: 'arp' } as const;
  if (operation === 1) return { ...base, kind: 'question', target, summary: `ARP who has ${target}? tell ${sender}` };
  return { ...base, kind: 'answer', target: sender, summary: `ARP ${sender} is at ${mac(arp, 8)}` };
}

function dissectIpv4(ip: Buffer, macs: Macs): Dissected {
  const header = (ip.readUInt8(0) & 0x0f) * 4;
  const base = { ...macs, source: address(ip, 12, 4), destination: address(ip, 16, 4) };
  const fragment = (ip.readUInt16BE(6) & 0x1fff) !== 0;
  return dissectTransport(fragment ? -1 : ip.readUInt8(9), ip.subarray(header), base, ip.readUInt16BE(2));
}

function dissectIpv6(ip: Buffer, macs: Macs): Dissected {
  const base = { ...macs, source: address(ip, 8, 16), destination: address(ip, 24, 16) };
  return dissectTransport(ip.readUInt8(6), ip.subarray(40), base, ip.readUInt16BE(4) + 40);
}

type Base = Macs & Pick<Dissected, 'source' | 'destination'>;

function dissectTransport(protocol: number, data: Buffer, base: Base, lengthBytes: number): Dissected {
  const way = `${base.source} → ${base.destination}`;
  switch (protocol) {
    case 1:
    case 58:
      return dissectIcmp(protocol, data, base, lengthBytes);
    case 6: {
      const [sourcePort, destinationPort] = [data.readUInt16BE(0), data.readUInt16BE(2)];
      const flags = data.readUInt8(13);
      const isReset = (flags & 0x04) !== 0;
      const isReply = (flags & 0x12) === 0x12;
      const names = ['FIN', 'SYN', 'RST', 'PSH', 'ACK'].filter((_, bit) => (flags & (1 << bit)) !== 0).join(' ');
      return {
        ...base,
        kind: 'packet',
        protocol: 'tcp',
        sourcePort,
        destinationPort,
        isReset,
        isReply,
        summary: `TCP ${base.source}:${sourcePort} → ${base.destination}:${destinationPort} ${names}`,
      };
    }
    case 17:
    case 132: {
      const [sourcePort, destinationPort] = [data.readUInt16BE(0), data.readUInt16BE(2)];
      const name = protocol === 17 ? 'udp' : 'sctp';
      return {
        ...base,
        kind: 'packet',
        protocol: name,
        sourcePort,
        destinationPort,
        summary: `${name.toUpperCase()} ${base.source}:${sourcePort} → ${base.destination}:${destinationPort} ${lengthBytes} bytes`,
      };
    }
    default:
      return {
        ...base,
        kind: 'packet',
        protocol: 'other',
        summary: `IP ${way} ${protocol < 0 ? 'fragment' : `protocol ${protocol}`}`,
      };
  }
}

function dissectIcmp(protocol: number, data: Buffer, base: Base, lengthBytes: number): Dissected {
  const type = data.readUInt8(0);
  const code = data.readUInt8(1);
  const six = protocol === 58;
  const [request, reply] = six ? [128, 129] : [8, 0];
  const way = `${base.source} → ${base.destination}`;
  if (type === request || type === reply) {
    const echoId = data.readUInt16BE(4);
    return {
      ...base,
      kind: 'packet',
      protocol: 'icmp',
      echoId,
      isReply: type === reply,
      summary: `ICMP echo ${type === reply ? 'reply' : 'request'} ${way} ${lengthBytes} bytes`,
    };
  }
  if (six && (type === 135 || type === 136)) {
    const target = address(data, 8, 16);
    return type === 135
      ? { ...base, kind: 'question', protocol: 'nd', target, summary: `ND who has ${target}? tell ${base.source}` }
      : { ...base, kind: 'answer', protocol: 'nd', target, summary: `ND ${target} is at ${base.sourceMac}` };
  }
  const isError = six ? type < 128 : type === 3 || type === 11 || type === 12;
  if (!isError) return { ...base, kind: 'packet', protocol: 'other', summary: `ICMP type ${type} ${way}` };
  const about = six ? address(data, 8 + 24, 16) : address(data, 8 + 16, 4);
  return {
    ...base,
    kind: 'error',
    protocol: 'icmp',
    about,
    summary: `ICMP ${errorName(six, type, code)} for ${about}, from ${base.source}`,
  };
}

function errorName(six: boolean, type: number, code: number): string {
  if (six)
    return (
      { 1: code === 4 ? 'port unreachable' : 'unreachable', 2: 'packet too big', 3: 'time exceeded' }[type] ??
      `error ${type}`
    );
  if (type === 11) return 'time exceeded';
  if (type !== 3) return `error ${type}`;
  return (
    { 0: 'net unreachable', 1: 'host unreachable', 3: 'port unreachable', 4: 'fragmentation needed', 13: 'prohibited' }[
      code
    ] ?? 'unreachable'
  );
}

function mac(bytes: Buffer, at: number): string {
  if (at + 6 > bytes.length) throw new RangeError('cut off');
  return [...bytes.subarray(at, at + 6)].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

function address(bytes: Buffer, at: number, length: number): string {
  if (at + length > bytes.length) throw new RangeError('cut off');
  return Address.fromBytes(bytes.subarray(at, at + length)).toString();
}
