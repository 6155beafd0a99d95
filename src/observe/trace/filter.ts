/**
 * @module A classic BPF program for packet sockets: ARP, ICMPv6 (with neighbour discovery in it), and IP from or to one of
 * some addresses. Of IPv6 addresses only the last four bytes are looked at; the rest is done where there is time.
 */

import type { Address } from '../../ipam/index.ts';
import type { BpfInstruction } from '../../kernel/packet-socket.ts';

const LOAD_HALF = 0x28;
const LOAD_WORD = 0x20;
const LOAD_BYTE = 0x30;
const JUMP_IF_EQUAL = 0x15;
const RETURN = 0x06;
const ALL = 0x40000;
/** A jump has 8 bits: that is far above what any path has. */
const ADDRESSES_MAX = 60;

export function filterFor(addresses: readonly Address[]): BpfInstruction[] {
  const last = ({ value }: Address) => Number(value & 0xffffffffn);
  const four = addresses
    .filter(({ family }) => family === 4)
    .slice(0, ADDRESSES_MAX)
    .map(last);
  const six = addresses
    .filter(({ family }) => family === 6)
    .slice(0, ADDRESSES_MAX)
    .map(last);
  // Written backwards, so that each jump knows how far its target is.
  const program: BpfInstruction[] = [
    [RETURN, 0, 0, 0],
    [RETURN, 0, 0, ALL],
  ];
  const to = (target: number) => program.length - target - 1;
  const accept = 1;
  const drop = 0;
  const compare = (value: number, target: number) => program.push([JUMP_IF_EQUAL, to(target), 0, value]);
  const ends = (wanted: readonly number[], offsets: readonly number[]) => {
    for (const [index, offset] of offsets.toReversed().entries()) {
      wanted.forEach((value, at) => {
        const isLast = index === 0 && at === 0;
        program.push([JUMP_IF_EQUAL, to(accept), isLast ? to(drop) : 0, value]);
      });
      program.push([LOAD_WORD, 0, 0, offset]);
    }
  };
  ends(six.length === 0 ? [0xffffffff] : six, [34, 50]);
  compare(58, accept);
  program.push([LOAD_BYTE, 0, 0, 20]);
  const ipv6 = program.length - 1;
  ends(four.length === 0 ? [0xffffffff] : four, [26, 30]);
  const ipv4 = program.length - 1;
  program.push([JUMP_IF_EQUAL, to(ipv6), to(drop), 0x86dd]);
  compare(0x0800, ipv4);
  compare(0x0806, accept);
  program.push([LOAD_HALF, 0, 0, 12]);
  return program.toReversed();
}
