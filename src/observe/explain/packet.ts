/**
 * @module The packet on its way: what rules see of it, and what they have made of it.
 */

import type { Address } from '../../ipam/index.ts';
import type { AddressKind, FilterPacket } from './filter/packet.ts';
import type { Stack } from './model.ts';
import { kindOfAddress, lookUpRoute } from './route.ts';
import type { Flow } from './walk.ts';

/** IANA; for ICMP the IPv4 one, since rules of routing have one for each. */
export const PROTOCOL_NUMBERS = { icmp: 1, tcp: 6, udp: 17, sctp: 132 } as const;

export interface Tuple {
  readonly source: Address;
  readonly destination: Address;
  readonly sourcePort: number | undefined;
  readonly destinationPort: number | undefined;
}

/** Where rules are asked for the packet's source port and nobody said which: one of the ephemeral ones. */
const SOME_PORT = 49_999;
/** A first answer of TCP or UDP is short, whatever was asked. */
const FIRST_ANSWER_BYTES = 84;

export class Packet implements FilterPacket {
  readonly family: 4 | 6;
  readonly protocol: FilterPacket['protocol'];
  source: Address;
  destination: Address;
  sourcePort: number | undefined;
  destinationPort: number | undefined;
  isAnswer = false;
  lengthBytes: number;
  input: string | undefined;
  output: string | undefined;
  inputPort: string | undefined;
  outputPort: string | undefined;
  mark = 0;
  state: FilterPacket['state'] = 'new';
  connection: { mark: number; dnat: boolean; snat: boolean; original: Tuple };
  /** What the answer is an answer to, in the namespace that translates it back. */
  answering: Tuple | undefined;
  #stack: Stack | undefined;
  #lastRewrite = '';

  constructor({ source, destination, protocol, port, fromPort, lengthBytes }: Flow) {
    this.family = destination.family;
    this.protocol = protocol;
    this.source = source ?? destination;
    this.destination = destination;
    this.sourcePort = protocol === 'icmp' ? undefined : (fromPort ?? SOME_PORT);
    this.destinationPort = protocol === 'icmp' ? undefined : port;
    this.lengthBytes = lengthBytes;
    this.connection = { mark: 0, dnat: false, snat: false, original: this.tuple };
  }

  get tuple(): Tuple {
    const { source, destination, sourcePort, destinationPort } = this;
    return { source, destination, sourcePort, destinationPort };
  }

  get reversedTuple(): Tuple {
    const { source, destination, sourcePort, destinationPort } = this;
    return { source: destination, destination: source, sourcePort: destinationPort, destinationPort: sourcePort };
  }

  matches(tuple: Tuple | undefined): boolean {
    return (
      tuple?.source.equals(this.source) === true &&
      tuple.destination.equals(this.destination) &&
      tuple.sourcePort === this.sourcePort &&
      tuple.destinationPort === this.destinationPort
    );
  }

  /** The packet enters a hook of a namespace. */
  visit(stack: Stack, input: string | undefined, output: string | undefined): void {
    this.#stack = stack;
    this.input = input;
    this.output = output;
  }

  ports(input: string | undefined, output: string | undefined): void {
    this.inputPort = input;
    this.outputPort = output;
  }

  kindOf(address: Address, onInterface: boolean): AddressKind {
    if (this.#stack === undefined) return 'unicast';
    const link = onInterface ? this.#stack.linkNamed(this.input ?? this.output ?? '') : undefined;
    return kindOfAddress(this.#stack, address, link);
  }

  routeInterface(address: Address): string | undefined {
    return this.#stack === undefined ? undefined : lookUpRoute(this.#stack, { destination: address })?.link?.name;
  }

  rewriteDestination(address: Address | undefined, ports: readonly [first: number, last: number] | undefined): void {
    const before = endpointText(this.destination, this.destinationPort);
    if (address !== undefined) this.destination = address;
    if (ports !== undefined && this.destinationPort !== undefined) {
      const [first, last] = ports;
      if (this.destinationPort < first || this.destinationPort > last) this.destinationPort = first;
    }
    this.connection.dnat = true;
    this.#lastRewrite = `destination ${before} → ${endpointText(this.destination, this.destinationPort)}`;
  }

  rewriteSource(address: Address | undefined, port?: number): void {
    const before = endpointText(this.source, undefined);
    if (address !== undefined) this.source = address;
    if (port !== undefined) this.sourcePort = port;
    this.connection.snat = true;
    this.#lastRewrite = `source ${before} → ${this.source}`;
  }

  /** 'destination 10.0.0.1:8080 → 172.17.0.2:80'. */
  describeLastRewrite(): string {
    return this.#lastRewrite;
  }

  /** It becomes its own answer. */
  turnBack(lengthBytes: number): void {
    [this.source, this.destination] = [this.destination, this.source];
    [this.sourcePort, this.destinationPort] = [this.destinationPort, this.sourcePort];
    this.isAnswer = true;
    this.mark = 0;
    this.lengthBytes = this.protocol === 'icmp' ? lengthBytes : Math.min(lengthBytes, FIRST_ANSWER_BYTES);
    this.answering = undefined;
  }
}

export function endpointText(address: Address, port: number | undefined): string {
  if (port === undefined) return address.toString();
  return address.family === 6 ? `[${address}]:${port}` : `${address}:${port}`;
}
